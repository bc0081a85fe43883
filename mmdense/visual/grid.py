"""Images in rows and columns with text below them, a title, and a legend.

Letters: H and W of an image.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

__all__ = [
    "GOOD",
    "POOR",
    "Cell",
    "draw_grid",
    "faded",
    "fitted",
    "font",
    "frame",
    "png_bytes",
    "shorten",
    "side_by_side",
]

#: Blue and orange, which colour-blind readers can distinguish; used together with a sign.
GOOD, POOR = (0, 114, 178), (213, 94, 0)

WIDTH = 1600  # maximum width of an image file, in pixels
GAP, MARGIN = 6, 14  # pixels between columns, and around the sheet
_BYTES = 1_000_000  # maximum size of a file
_LARGEST = 260  # maximum side of a fitted cell, in pixels
_BAND = 22  # pixels between groups of columns
_INK, _PALE = (34, 34, 34), (105, 105, 105)
_TEXT, _LINE, _TITLE = 13, 17, 19  # pixels: height of text, of a line with its gap, of a title
_CHIP = 14  # pixels: side of a colour in the legend
_SHRINK = 0.85


class Cell(NamedTuple):
    """An image and the lines under it.

    Attributes:
        picture: RGB, uint8. [H, W, 3]
        lines: Lines of text, shortened to the width of the cell; all but the first are paler.
    """

    picture: np.ndarray
    lines: tuple[str, ...] = ()


def draw_grid(
    rows: Sequence[Sequence[Cell]],
    headings: Sequence[str] = (),
    *,
    group: int = 0,
    title: str = "",
    key: Sequence[tuple[str, np.ndarray]] = (),
    least: int = 0,
) -> Image.Image:
    """Draw rows of cells; a row may be shorter than the others.

    Args:
        rows: At least one cell. Images keep their size.
        headings: Headings of the columns; none, or one for each cell of the longest row.
        group: Number of columns of a group; gaps between groups are wider. 0 means one group.
        title: Title of the sheet.
        key: Legend at the bottom: names, each with a small image of 14 x 14 pixels.
        least: Minimum width of a column in pixels.

    Returns:
        RGB, as wide as its cells require.
    """
    width = max(least, *(cell.picture.shape[1] for row in rows for cell in row))
    lefts = [MARGIN]
    for number in range(1, max(map(len, rows))):
        gap = _BAND if group and number % group == 0 else GAP
        lefts.append(lefts[-1] + width + gap)
    heights = [
        max(cell.picture.shape[0] + _LINE * len(cell.lines) for cell in row) + GAP for row in rows
    ]
    inside = lefts[-1] + width - MARGIN
    chips = _key(key, inside)
    top = MARGIN + (_TITLE + 16 if title else 0) + (_LINE if headings else 0)
    size = (inside + 2 * MARGIN, top + sum(heights) + GAP + (chips.height + GAP if key else 0))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    if title:
        _write(draw, (MARGIN, MARGIN), title, inside, _INK, font(_TITLE, bold=True))
    for left, heading in zip(lefts, headings):
        _write(draw, (left, top - _LINE - 4), heading, width, _INK, font(_TEXT, bold=True))
    for row, height in zip(rows, heights):
        for left, cell in zip(lefts, row):
            sheet.paste(Image.fromarray(cell.picture), (left, top))
            y = top + cell.picture.shape[0] + 2
            for number, line in enumerate(cell.lines):
                _write(draw, (left, y), line, width, _PALE if number else _INK, font(_TEXT))
                y += _LINE
        top += height
    if key:
        sheet.paste(chips, (MARGIN, top))
    return sheet


@cache
def font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans from matplotlib, at a height in pixels."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)), size)


def shorten(text: str, width: int, letters: ImageFont.FreeTypeFont) -> str:
    """Shorten a text in the middle until it is at most ``width`` pixels wide."""
    short, keep = text, len(text)
    while letters.getlength(short) > width and keep > 2:
        keep -= 1
        short = f"{text[: (keep + 1) // 2]}…{text[len(text) - keep // 2 :]}"
    return short


def side_by_side(groups: Sequence[Sequence[Cell]], number: int) -> list[list[Cell]]:
    """Return rows with ``number`` groups of cells each; the last may have fewer."""
    starts = range(0, len(groups), number)
    return [
        [cell for group in groups[first : first + number] for cell in group] for first in starts
    ]


def fitted(picture: np.ndarray, columns: int, like: Sequence[int] | None = None) -> np.ndarray:
    """Scale an image so that this number of columns fits on the sheet.

    Args:
        picture: RGB image, or a map of colours whose positions stay squares; uint8. [H, W, 3]
        columns: Number of columns of the sheet.
        like: Height and width of the image of a map; the map is stretched to this shape.
    """
    height, width = picture.shape[:2] if like is None else like[:2]
    gaps = 2 * MARGIN + columns * _BAND
    scale = min(_LARGEST, (WIDTH - gaps) // columns) / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if like is not None:
        how = cv2.INTER_NEAREST
    else:
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(picture, size, interpolation=how)


def faded(picture: np.ndarray) -> np.ndarray:
    """Return an RGB image in pale grey, as a background for drawings."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    pale = 255 - (255 - grey.astype(np.float32)) * 0.55
    return np.repeat(pale.round().astype(np.uint8)[..., None], 3, axis=2)  # [H, W, 3]


def frame(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Return an image with a frame of four pixels."""
    framed = picture.copy()
    for edge in (framed[:4], framed[-4:], framed[:, :4], framed[:, -4:]):
        edge[...] = colour
    return framed


def png_bytes(image: Image.Image) -> bytes:
    """Return a PNG of at most 1600 pixels in width and 1 MB.

    A larger image is reduced to 256 colours, and scaled down if it is still too large.
    """
    if image.width > WIDTH:
        image = _smaller(image, WIDTH / image.width)
    content = _encoded(image)
    while len(content) > _BYTES:
        content = _encoded(image.quantize(256))
        image = _smaller(image, _SHRINK)
    return content


def _encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def _smaller(image: Image.Image, scale: float) -> Image.Image:
    size = max(1, int(image.width * scale)), max(1, int(image.height * scale))
    return image.resize(size, Image.Resampling.LANCZOS)


def _key(entries: Sequence[tuple[str, np.ndarray]], width: int) -> Image.Image:
    """Draw a legend: colours with their names, in rows."""
    line, places, x, y = _CHIP + 8, [], 0, 0
    for name, chip in entries:
        room = _CHIP + 6 + math.ceil(font(_TEXT).getlength(name)) + 18
        if x and x + room > width:
            x, y = 0, y + line
        places.append((x, y, name, chip))
        x += room
    key = Image.new("RGB", (width, y + line), "white")
    draw = ImageDraw.Draw(key)
    for x, y, name, chip in places:
        key.paste(Image.fromarray(chip), (x, y + 2))
        middle = (x + _CHIP + 6, y + 2 + _CHIP // 2)
        draw.text(middle, name, fill=_INK, font=font(_TEXT), anchor="lm")
    return key


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    width: int,
    ink: tuple[int, int, int],
    letters: ImageFont.FreeTypeFont,
) -> None:
    draw.text(place, shorten(text, width, letters), fill=ink, font=letters, anchor="la")
