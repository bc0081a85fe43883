"""Sheets of what the model is fed: images in rows with captions, and a key of the classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmdense.visual.annotated_image import annotate, hatched
from mmdense.visual.class_list import ClassList
from mmdense.visual.grid import GAP, MARGIN, WIDTH, Cell, draw_grid
from mmdense.visual.model_inputs import ModelInput

__all__ = ["draw_sheet", "sheet_of_pictures", "write_sheets"]

_LARGEST, _LEAST = 640, 150  # width of an image at most, and of a column at least
_EACH = 24  # images of a sheet at most


def write_sheets(
    images: Sequence[ModelInput], classes: ClassList, title: str, path: Path
) -> list[Path]:
    """Write one PNG, or several with numbers where there are more than 24 images.

    Args:
        images: What to show.
        classes: Names and colours.
        title: Above the images.
        path: Ends in ``.png``; its folder is made.

    Returns:
        The files.
    """
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
    """Draw images in rows at one magnification, a whole number where they are enlarged.

    Args:
        images: At least one.
        classes: Names and colours; those that occur are in the key at the bottom.
        title: Above the images.

    Returns:
        RGB, about 1600 pixels wide, or less.
    """
    widths = [sum(view.shape[1] for view in image.views) for image in images]
    heights = [max(view.shape[0] for view in image.views) for image in images]
    columns, scale = _layout(len(images), max(widths), max(heights))
    cells = [
        Cell(np.asarray(annotate(image, classes, scale)), tuple(_captions(image, classes)))
        for image in images
    ]
    rows = [cells[first : first + columns] for first in range(0, len(cells), columns)]
    return draw_grid(rows, title=title, key=_key(images, classes), least=_LEAST)


def sheet_of_pictures(pictures: Sequence[np.ndarray], titles: Sequence[str]) -> Image.Image:
    """Draw images with a title each in rows, on a sheet that is wider than tall.

    Args:
        pictures: At least one, RGB, uint8. Each [H, W, 3]
        titles: One an image.
    """
    wide = float(np.mean([picture.shape[1] / picture.shape[0] for picture in pictures]))
    columns = max(1, min(len(pictures), round(math.sqrt(1.5 * len(pictures) / wide))))
    limit = (WIDTH - 2 * MARGIN + GAP) // columns - GAP
    cells = []
    for picture, title in zip(pictures, titles, strict=True):
        shown = Image.fromarray(picture)
        shown.thumbnail((limit, limit))
        cells.append(Cell(np.asarray(shown), (title,)))
    return draw_grid([cells[first : first + columns] for first in range(0, len(cells), columns)])


def _layout(count: int, width: int, height: int) -> tuple[int, float]:
    """Columns, and the magnification that about fills the sheet."""
    columns = max(1, min(count, round(math.sqrt(1.6 * count * height / width))))

    def scale_of(columns: int) -> float:
        scale = min(_LARGEST, (WIDTH - 2 * MARGIN + GAP) / columns - GAP) / width
        return float(int(1.1 * scale)) if scale >= 1 else scale

    if columns > 1 and scale_of(columns) == 1 and scale_of(columns - 1) == 2 and width < 280:
        columns -= 1  # small images: larger ones in fewer columns
    return columns, scale_of(columns)


def _captions(image: ModelInput, classes: ClassList) -> list[str]:
    """The lines under an image: its class or what it holds, then its size and file."""
    height, width = image.views[0].shape[:2]
    size = f"{width}x{height}"
    if len(image.views) > 1:
        size = f"{len(image.views)} views, {size}"
    lines = []
    if image.scores:
        parts = sorted(image.scores.items(), key=lambda item: -item[1])
        names = [
            classes.name(number) + ("" if score == 1 else f" {score:.0%}")
            for number, score in parts
        ]
        lines.append(", ".join(names))
    elif image.boxes is not None:
        objects = f"{len(image.boxes)} object" + "s" * (len(image.boxes) != 1)
        if image.ignored is not None and len(image.ignored):
            objects += f", {len(image.ignored)} ignored"
        lines.append(objects)
    elif image.semantic is not None:
        ignored = image.semantic == classes.ignore_index
        number = len(np.unique(image.semantic[~ignored]))
        pixels = f"{number} class" + "es" * (number != 1)
        if ignored.any():
            pixels += f", {ignored.mean():.1%} of the pixels ignored"
        lines.append(pixels)
    name = Path(image.path).name
    return [*lines, f"{size}  {name}" if name else size]


def _key(images: Sequence[ModelInput], classes: ClassList) -> list[tuple[str, np.ndarray]]:
    """Names and colours of the classes in boxes and maps, and the pattern of what is ignored."""
    planes = [p for image in images for p in (image.labels, image.semantic) if p is not None]
    numbers = {int(number) for plane in planes for number in np.unique(plane)}
    entries = [
        (classes.name(number), np.full((14, 14, 3), classes.colour(number), np.uint8))
        for number in sorted(numbers - {classes.ignore_index})
    ]
    if classes.ignore_index in numbers:
        entries.append(("ignored", hatched(14, 14)))
    return entries
