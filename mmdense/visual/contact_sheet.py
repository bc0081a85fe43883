"""A sheet of what the model is fed: pictures in rows with captions, and a key of the classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from mmdense.visual.annotated_image import annotate, font, hatch
from mmdense.visual.class_list import ClassList
from mmdense.visual.model_inputs import ModelInput

__all__ = ["draw_sheet", "write_sheets"]

_WIDTH = 1640  # of a sheet, in pixels; to fill it, pictures are enlarged
_LARGEST = 640  # width of a picture at most
_EACH = 24  # pictures of a sheet at most
_GAP, _MARGIN = 14, 20
_INK, _PALE = (34, 34, 34), (119, 119, 119)
_TITLE, _CAPTION, _DETAIL = 19, 13, 11  # letters, in pixels


def write_sheets(
    images: Sequence[ModelInput], classes: ClassList, title: str, path: Path
) -> list[Path]:
    """Write one PNG, or several with numbers where there are more than 24 images.

    Args:
        images: What to show.
        classes: Names and colours.
        title: Stands above.
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
        classes: Names and colours; those that occur stand in the key at the bottom.
        title: Stands above.

    Returns:
        RGB, about 1600 pixels wide, or less.
    """
    widths = [sum(view.shape[1] for view in image.views) for image in images]
    heights = [max(view.shape[0] for view in image.views) for image in images]
    columns, scale = _layout(len(images), max(widths), max(heights))
    pictures = [annotate(image, classes, scale) for image in images]
    width, height = (max(getattr(p, side) for p in pictures) for side in ("width", "height"))
    width = max(width, 150)  # room for a caption
    captions = [_captions(image, classes) for image in images]
    caption_height = 4 + max(sum(size + 5 for _, size, _ in lines) for lines in captions)
    rows = math.ceil(len(images) / columns)
    sheet_width = 2 * _MARGIN + columns * (width + _GAP) - _GAP
    title = _shorten(title, sheet_width - 2 * _MARGIN, _TITLE, bold=True)
    top = _MARGIN + _TITLE + 16
    key = _key(images, classes, sheet_width - 2 * _MARGIN)
    bottom = top + rows * (height + caption_height + _GAP)
    sheet = Image.new("RGB", (sheet_width, bottom + key.height + _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN), title, fill=_INK, font=font(_TITLE, bold=True), anchor="la")
    for number, (picture, lines) in enumerate(zip(pictures, captions)):
        row, column = divmod(number, columns)
        x = _MARGIN + column * (width + _GAP)
        y = top + row * (height + caption_height + _GAP)
        sheet.paste(picture, (x, y))
        y += picture.height + 5
        for text, size, ink in lines:
            short = _shorten(text, width, size)
            draw.text((x, y), short, fill=ink, font=font(size), anchor="la")
            y += size + 5
    sheet.paste(key, (_MARGIN, bottom))
    return sheet


def _layout(count: int, width: int, height: int) -> tuple[int, float]:
    """Columns, and the magnification that about fills the sheet."""
    columns = max(1, min(count, round(math.sqrt(1.6 * count * height / width))))

    def scale_of(columns: int) -> float:
        scale = min(_LARGEST, (_WIDTH - 2 * _MARGIN + _GAP) / columns - _GAP) / width
        return float(int(1.1 * scale)) if scale >= 1 else scale

    if columns > 1 and scale_of(columns) == 1 and scale_of(columns - 1) == 2 and width < 280:
        columns -= 1  # small pictures: rather large than many
    return columns, scale_of(columns)


def _captions(image: ModelInput, classes: ClassList) -> list[tuple[str, int, tuple[int, int, int]]]:
    """What stands under a picture: its class or what it holds, then its file and size."""
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
        lines.append((", ".join(names), _CAPTION, _INK))
    elif image.boxes is not None:
        objects = f"{len(image.boxes)} object" + "s" * (len(image.boxes) != 1)
        if image.ignored is not None and len(image.ignored):
            objects += f", {len(image.ignored)} ignored"
        lines.append((objects, _CAPTION, _INK))
    elif image.semantic is not None:
        ignored = image.semantic == classes.ignore_index
        number = len(np.unique(image.semantic[~ignored]))
        pixels = f"{number} class" + "es" * (number != 1)
        if ignored.any():
            pixels += f", {ignored.mean():.1%} of the pixels ignored"
        lines.append((pixels, _CAPTION, _INK))
    name = Path(image.path).name
    lines.append((f"{size}  {name}" if name else size, _DETAIL, _PALE))
    return lines


def _shorten(text: str, width: int, size: int, *, bold: bool = False) -> str:
    """Take letters out of the middle until the text is no wider than ``width`` pixels."""
    letters = font(size, bold=bold)
    short, keep = text, len(text)
    while letters.getlength(short) > width and keep > 2:
        keep -= 1
        short = f"{text[: (keep + 1) // 2]}…{text[len(text) - keep // 2 :]}"
    return short


def _key(images: Sequence[ModelInput], classes: ClassList, width: int) -> Image.Image:
    """Colours and names of the classes in boxes and maps, in rows."""
    chip, height = 14, 22
    places, x, y = [], 0, 0
    for name, colour in _key_entries(images, classes):
        room = chip + 6 + round(font(_CAPTION).getlength(name)) + 18
        if x and x + room > width:
            x, y = 0, y + height
        places.append((x, y, name, colour))
        x += room
    key = Image.new("RGB", (width, y + height if places else 1), "white")
    draw = ImageDraw.Draw(key)
    for x, y, name, colour in places:
        if colour is None:
            key.paste(Image.fromarray(hatch(chip, chip)), (x, y + 2))
        else:
            draw.rectangle((x, y + 2, x + chip - 1, y + chip + 1), fill=colour)
        middle = y + 2 + chip // 2
        draw.text((x + chip + 6, middle), name, fill=_INK, font=font(_CAPTION), anchor="lm")
    return key


def _key_entries(
    images: Sequence[ModelInput], classes: ClassList
) -> list[tuple[str, tuple[int, int, int] | None]]:
    """Names and colours; None is the pattern of what is ignored."""
    numbers: set[int] = set()
    for image in images:
        for plane in (image.labels, image.semantic):
            if plane is not None:
                numbers |= {int(number) for number in np.unique(plane)}
    entries: list[tuple[str, tuple[int, int, int] | None]] = [
        (classes.name(number), classes.colour(number))
        for number in sorted(numbers - {classes.ignore_index})
    ]
    if any(
        im.semantic is not None and (im.semantic == classes.ignore_index).any() for im in images
    ):
        entries.append(("ignored", None))
    return entries
