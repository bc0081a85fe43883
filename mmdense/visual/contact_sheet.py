"""Sheets of model inputs: images in rows with captions, and a legend of the classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmdense.visual.annotated_image import annotate, hatched
from mmdense.visual.grid import GAP, MARGIN, WIDTH, Cell, draw_grid
from mmdense.visual.model_inputs import ClassList, ModelInput

_LARGEST, _LEAST = 640, 150  # maximum width of an image, minimum width of a column
_EACH = 24  # maximum number of images of a sheet


def write_sheets(
    images: Sequence[ModelInput], classes: ClassList, title: str, path: Path
) -> list[Path]:
    """Write one PNG, or several numbered ones for more than 24 images, and return their paths."""
    path.parent.mkdir(parents=True, exist_ok=True)
    groups = [images[first : first + _EACH] for first in range(0, len(images), _EACH)]
    written = []
    for number, group in enumerate(groups, 1):
        one = path if len(groups) == 1 else path.with_stem(f"{path.stem}_{number}")
        part = title if len(groups) == 1 else f"{title}, sheet {number} of {len(groups)}"
        draw_sheet(group, classes, part).save(one)
        written.append(one)
    return written


def draw_sheet(images: Sequence[ModelInput], classes: ClassList, title: str) -> Image.Image:
    """Draw images in rows at one scale; scales above 1 are whole numbers.

    The sheet is RGB, at most about 1600 pixels wide. Its legend shows the classes that occur.
    """
    widths = [sum(view.shape[1] for view in image.views) for image in images]
    heights = [max(view.shape[0] for view in image.views) for image in images]
    columns, scale = _layout(len(images), max(widths), max(heights))
    cells = [
        Cell(np.asarray(annotate(image, classes, scale)), tuple(_captions(image, classes)))
        for image in images
    ]
    return draw_grid(cells, columns, title=title, key=_key(images, classes), least=_LEAST)


def sheet_of_images(images: Sequence[np.ndarray], titles: Sequence[str]) -> Image.Image:
    """Draw images with titles in rows, on a sheet that is wider than high.

    Args:
        images: At least one image, RGB, uint8. Each [H, W, 3]
        titles: One title for each image.
    """
    wide = float(np.mean([image.shape[1] / image.shape[0] for image in images]))
    columns = max(1, min(len(images), round(math.sqrt(1.5 * len(images) / wide))))
    limit = (WIDTH - 2 * MARGIN + GAP) // columns - GAP
    cells = []
    for image, title in zip(images, titles, strict=True):
        shown = Image.fromarray(image)
        shown.thumbnail((limit, limit))
        cells.append(Cell(np.asarray(shown), (title,)))
    return draw_grid(cells, columns)


def _layout(count: int, width: int, height: int) -> tuple[int, float]:
    """Return the number of columns, and the scale at which they fill the sheet."""
    columns = max(1, min(count, round(math.sqrt(1.6 * count * height / width))))

    def scale_of(columns: int) -> float:
        scale = min(_LARGEST, (WIDTH - 2 * MARGIN + GAP) / columns - GAP) / width
        return float(int(1.1 * scale)) if scale >= 1 else scale

    if columns > 1 and scale_of(columns) == 1 and scale_of(columns - 1) == 2 and width < 280:
        columns -= 1  # use fewer columns for small images
    return columns, scale_of(columns)


def _captions(image: ModelInput, classes: ClassList) -> list[str]:
    """Return the lines under an image: its class or content, then its size and file."""
    height, width = image.views[0].shape[:2]
    views = f"{len(image.views)} views, " if len(image.views) > 1 else ""
    content = ""
    if image.scores:
        scores = sorted(image.scores.items(), key=lambda item: -item[1])
        content = ", ".join(
            classes.name(number) + ("" if score == 1 else f" {score:.0%}")
            for number, score in scores
        )
    elif image.boxes is not None:
        content = f"{len(image.boxes)} object" + "s" * (len(image.boxes) != 1)
        if image.ignored is not None and len(image.ignored):
            content += f", {len(image.ignored)} ignored"
    elif image.semantic is not None:
        ignored = image.semantic == classes.ignore_index
        number = len(np.unique(image.semantic[~ignored]))
        content = f"{number} class" + "es" * (number != 1)
        if ignored.any():
            content += f", {ignored.mean():.1%} of the pixels ignored"
    file = f"{views}{width}x{height}  {Path(image.path).name}".rstrip()
    return [content, file] if content else [file]


def _key(images: Sequence[ModelInput], classes: ClassList) -> list[tuple[str, np.ndarray]]:
    """Return names and colours of the classes that occur, and the pattern of ignored pixels."""
    planes = [p for image in images for p in (image.labels, image.semantic) if p is not None]
    numbers = {int(number) for plane in planes for number in np.unique(plane)}
    entries = [
        (classes.name(number), np.full((14, 14, 3), classes.colour(number), np.uint8))
        for number in sorted(numbers - {classes.ignore_index})
    ]
    if classes.ignore_index in numbers:
        entries.append(("ignored", hatched(14, 14)))
    return entries
