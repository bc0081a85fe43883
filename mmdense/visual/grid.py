"""Images in rows and columns with text below them, a title, and a legend.

Letters: H and W of an image.
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

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
    """An RGB image, uint8 [H, W, 3], and the lines under it; all but the first are paler."""

    image: np.ndarray
    lines: tuple[str, ...] = ()


def draw_grid(
    cells: Sequence[Cell],
    columns: int,
    headings: Sequence[str] = (),
    *,
    title: str = "",
    key: Sequence[tuple[str, np.ndarray]] = (),
    least: int = 0,
) -> Image.Image:
    """Draw cells in rows; images keep their size, and long lines are shortened.

    Args:
        cells: At least one cell.
        columns: Number of columns; fewer if there are fewer cells.
        headings: Headings of the columns. If there are fewer than columns, they are repeated, with
            a wider gap before each repetition.
        title: Title of the sheet.
        key: Legend at the bottom: names, each with a small image of 14 x 14 pixels.
        least: Minimum width of a column in pixels.

    Returns:
        RGB, as wide as its cells require.
    """
    columns = min(columns, len(cells))
    rows = [cells[first : first + columns] for first in range(0, len(cells), columns)]
    width = max(least, *(cell.image.shape[1] for cell in cells))
    lefts = [MARGIN]
    for number in range(1, columns):
        gap = _BAND if headings and number % len(headings) == 0 else GAP
        lefts.append(lefts[-1] + width + gap)
    heights = [max(cell.image.shape[0] + _LINE * len(cell.lines) for cell in r) + GAP for r in rows]
    inside = lefts[-1] + width - MARGIN
    chips = _key(key, inside)
    top = MARGIN + (_TITLE + 16 if title else 0) + (_LINE if headings else 0)
    size = (inside + 2 * MARGIN, top + sum(heights) + GAP + (chips.height + GAP if key else 0))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    if title:
        letters = font(_TITLE, bold=True)
        draw.text((MARGIN, MARGIN), shorten(title, inside, letters), fill=_INK, font=letters)
    for left, heading in zip(lefts, itertools.cycle(headings)):
        letters = font(_TEXT, bold=True)
        place = left, top - _LINE - 4
        draw.text(place, shorten(heading, width, letters), fill=_INK, font=letters)
    for row, height in zip(rows, heights):
        for left, cell in zip(lefts, row):
            sheet.paste(Image.fromarray(cell.image), (left, top))
            y = top + cell.image.shape[0] + 2
            for number, line in enumerate(cell.lines):
                place, ink = (left, y + number * _LINE), _PALE if number else _INK
                draw.text(place, shorten(line, width, font(_TEXT)), fill=ink, font=font(_TEXT))
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


def fitted(image: np.ndarray, columns: int, like: Sequence[int] | None = None) -> np.ndarray:
    """Scale an image so that this number of columns fits on the sheet.

    Args:
        image: RGB image, or a map of colours whose positions stay squares; uint8. [H, W, 3]
        columns: Number of columns of the sheet.
        like: Height and width of the image of a map; the map is stretched to this shape.
    """
    height, width = image.shape[:2] if like is None else like[:2]
    gaps = 2 * MARGIN + columns * _BAND
    scale = min(_LARGEST, (WIDTH - gaps) // columns) / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if like is not None:
        how = cv2.INTER_NEAREST
    else:
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, size, interpolation=how)


def faded(image: np.ndarray) -> np.ndarray:
    """Return an RGB image in pale grey, as a background for drawings."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    pale = cv2.convertScaleAbs(grey, alpha=0.55, beta=0.45 * 255)
    return cv2.cvtColor(pale, cv2.COLOR_GRAY2RGB)


def frame(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Return an image with a frame of four pixels inside its edge."""
    inner = image[4:-4, 4:-4]
    return cv2.copyMakeBorder(inner, 4, 4, 4, 4, cv2.BORDER_CONSTANT, value=colour)


def png_bytes(image: Image.Image) -> bytes:
    """Return a PNG of at most 1600 pixels in width and 1 MB.

    A larger image is reduced to 256 colours, and scaled down if it is still too large.
    """
    image = image.copy()
    image.thumbnail((WIDTH, image.height), Image.Resampling.LANCZOS)
    content = _encoded(image)
    while len(content) > _BYTES:
        content = _encoded(image.quantize(256))
        size = int(image.width * _SHRINK), int(image.height * _SHRINK)
        image.thumbnail(size, Image.Resampling.LANCZOS)
    return content


def _encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="png")  # optimize: four times as long for a few percent
    return buffer.getvalue()


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
