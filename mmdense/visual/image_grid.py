"""Pictures in rows and columns with words under them, as a PNG of bounded size.

Letters: H and W of a picture.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw

from mmdense.visual.annotated_image import font

__all__ = [
    "GOOD",
    "POOR",
    "Cell",
    "draw_grid",
    "faded",
    "fitted",
    "frame",
    "png_bytes",
    "side_by_side",
]

#: Blue and orange, told apart by colour-blind readers; a sign always stands beside them.
GOOD, POOR = (0, 114, 178), (213, 94, 0)

_WIDTH = 1600  # of a picture at most, in pixels
_BYTES = 1_000_000  # of a file at most
_LARGEST = 260  # side of a cell at most
_GAP, _BAND, _MARGIN = 6, 22, 14  # between columns, between groups of columns, around all
_INK = (34, 34, 34)
_TEXT, _LINE = 13, 17  # height of letters, and of a line with its gap
_SHRINK = 0.85


class Cell(NamedTuple):
    """A picture and the lines under it.

    Attributes:
        picture: RGB, uint8. [H, W, 3]
        lines: Shortened where they are wider than the cell.
    """

    picture: np.ndarray
    lines: tuple[str, ...] = ()


def draw_grid(
    rows: Sequence[Sequence[Cell]], headings: Sequence[str], *, group: int = 0
) -> Image.Image:
    """Draw rows of cells; a row may be shorter than the others.

    Args:
        rows: At least one cell. Pictures are shown at the size that :func:`fitted` gave them.
        headings: Above the columns, as many as the longest row has cells.
        group: Columns that belong together; a wider gap stands between groups. 0 is all.

    Returns:
        RGB, as wide as its cells need.
    """
    columns = len(headings)
    width = max(cell.picture.shape[1] for row in rows for cell in row)
    lefts = [_MARGIN]
    for number in range(1, columns):
        gap = _BAND if group and number % group == 0 else _GAP
        lefts.append(lefts[-1] + width + gap)
    heights = [
        max(cell.picture.shape[0] + _LINE * len(cell.lines) for cell in row) + _GAP for row in rows
    ]
    top = _MARGIN + _LINE
    size = (lefts[-1] + width + _MARGIN, top + sum(heights) + _GAP)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for left, heading in zip(lefts, headings):
        _write(draw, (left, _MARGIN - 4), heading, width, bold=True)
    for row, height in zip(rows, heights):
        for left, cell in zip(lefts, row):
            sheet.paste(Image.fromarray(cell.picture), (left, top))
            y = top + cell.picture.shape[0] + 2
            for line in cell.lines:
                _write(draw, (left, y), line, width)
                y += _LINE
        top += height
    return sheet


def side_by_side(groups: Sequence[Sequence[Cell]], number: int) -> list[list[Cell]]:
    """Rows of so many groups of cells; the last may have fewer."""
    starts = range(0, len(groups), number)
    return [
        [cell for group in groups[first : first + number] for cell in group] for first in starts
    ]


def fitted(picture: np.ndarray, columns: int, like: Sequence[int] | None = None) -> np.ndarray:
    """Scale a picture so that as many columns as this fill the sheet.

    Args:
        picture: RGB, or a map of colours whose positions are to stay squares; uint8. [H, W, 3]
        columns: Of the sheet.
        like: Height and width of the image that a map belongs to, over which it is stretched.
    """
    height, width = picture.shape[:2] if like is None else like[:2]
    gaps = 2 * _MARGIN + columns * _BAND
    scale = min(_LARGEST, (_WIDTH - gaps) // columns) / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if like is not None:
        how = cv2.INTER_NEAREST
    else:
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(picture, size, interpolation=how)


def faded(picture: np.ndarray) -> np.ndarray:
    """An RGB picture made pale and grey, so that what is drawn on it stands out."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    pale = 255 - (255 - grey.astype(np.float32)) * 0.55
    return np.repeat(pale.round().astype(np.uint8)[..., None], 3, axis=2)  # [H, W, 3]


def frame(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """A line of four pixels along the edges."""
    framed = picture.copy()
    for edge in (framed[:4], framed[-4:], framed[:, :4], framed[:, -4:]):
        edge[...] = colour
    return framed


def png_bytes(image: Image.Image) -> bytes:
    """A PNG of at most 1600 pixels in width and 1 MB.

    A picture that would take more gets a palette of 256 colours, and if that does not do is made
    smaller.
    """
    if image.width > _WIDTH:
        image = _smaller(image, _WIDTH / image.width)
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


def _write(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, width: int, *, bold: bool = False
) -> None:
    letters = font(_TEXT, bold=bold)
    short = text
    while letters.getlength(short) > width and len(short) > 2:
        short = f"{short.removesuffix('…')[:-1]}…"
    draw.text(place, short, fill=_INK, font=letters, anchor="la")
