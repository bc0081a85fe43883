"""Truth drawn on an image: boxes with class names, masks, and maps of classes.

Letters: H and W of the image, s its magnification.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mmdense.visual.class_list import ClassList
from mmdense.visual.model_inputs import ModelInput

__all__ = ["annotate", "font", "hatch"]

_MASK, _SEMANTIC = 0.45, 0.55  # how much of a colour covers the picture
_GREY, _STRIPE = (128, 128, 128), (200, 200, 200)
_LABEL = 11  # letters on a box, in pixels
Rectangle = tuple[int, int, int, int]


def annotate(image: ModelInput, classes: ClassList, scale: float) -> Image.Image:
    """Magnify an image and draw its truth on it; a second view stays as it is, on the right.

    Enlarged pixels stay squares. Lines and letters have one size whatever the scale. A class name
    is left out where it would cover another.

    Args:
        image: What to draw.
        classes: Names and colours.
        scale: s.

    Returns:
        RGB. The first view is s H high and s W wide.
    """
    pictures = [_magnify(view, scale) for view in image.views]
    canvas = pictures[0]
    if image.semantic is not None:
        canvas = _paint_semantic(canvas, _magnify(image.semantic, scale, nearest=True), classes)
    if image.masks is not None and image.labels is not None:
        for mask, label in zip(image.masks, image.labels):
            canvas = _paint_mask(canvas, _magnify(mask, scale, nearest=True), classes.colour(label))
    first = Image.fromarray(canvas)
    if image.ignored is not None:
        for box in image.ignored * scale:
            _outline(ImageDraw.Draw(first), _whole(box), _GREY)
    if image.boxes is not None and image.labels is not None:
        _draw_boxes(first, image.boxes * scale, image.labels, classes)
    return _side_by_side([first, *(Image.fromarray(picture) for picture in pictures[1:])])


@cache
def font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib, at a height in pixels."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)), size)


def hatch(height: int, width: int) -> np.ndarray:
    """Grey stripes for what is ignored, uint8 [H, W, 3]."""
    rows, columns = np.ogrid[:height, :width]
    stripes = (rows + columns) % 8 < 2
    return np.where(stripes[..., None], _STRIPE, _GREY).astype(np.uint8)


def _magnify(plane: np.ndarray, scale: float, *, nearest: bool = False) -> np.ndarray:
    """[H, W] or [H, W, 3] to s H by s W."""
    height, width = (max(1, round(side * scale)) for side in plane.shape[:2])
    how = cv2.INTER_NEAREST if nearest or scale >= 1 else cv2.INTER_AREA
    kind = plane.dtype if plane.dtype == np.uint8 else np.int32
    resized = cv2.resize(plane.astype(kind), (width, height), interpolation=how)
    return resized.astype(plane.dtype)


def _paint_semantic(picture: np.ndarray, semantic: np.ndarray, classes: ClassList) -> np.ndarray:
    """Lay the colour of its class on each pixel, with dark borders, and stripes on the ignored."""
    colours = hatch(*semantic.shape)
    for number in np.unique(semantic):
        if number != classes.ignore_index:
            colours[semantic == number] = classes.colour(int(number))
    painted = _mix(picture, colours, _SEMANTIC)
    plane = semantic.astype(np.float32)
    border = cv2.dilate(plane, np.ones((2, 2))) != cv2.erode(plane, np.ones((2, 2)))
    painted[border] = painted[border] // 3
    return painted


def _paint_mask(picture: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    painted = picture.copy()
    painted[mask] = _mix(picture, np.array(colour), _MASK)[mask]
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(painted, outlines, -1, colour, 1)


def _mix(picture: np.ndarray, colours: np.ndarray, share: float) -> np.ndarray:
    mixed = picture * (1 - share) + colours.astype(np.float32) * share
    return np.ascontiguousarray(mixed.round().astype(np.uint8))


def _draw_boxes(
    picture: Image.Image, boxes: np.ndarray, labels: np.ndarray, classes: ClassList
) -> None:
    """All boxes, then the names that find room, those of small boxes first."""
    draw = ImageDraw.Draw(picture)
    order = np.argsort(-_areas(boxes), kind="stable")
    for number in order:
        _outline(draw, _whole(boxes[number]), classes.colour(labels[number]))
    taken: list[Rectangle] = []
    for number in order[::-1]:
        name, colour = classes.name(labels[number]), classes.colour(labels[number])
        place = _room(picture.size, _whole(boxes[number]), _text_size(name), taken)
        if place is not None:
            taken.append(place)
            draw.rectangle(place, fill=colour)
            ink = (0, 0, 0) if np.dot(colour, (0.299, 0.587, 0.114)) > 140 else (255, 255, 255)
            draw.text((place[0] + 2, place[1] + 1), name, fill=ink, font=font(_LABEL), anchor="la")


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _whole(box: np.ndarray) -> Rectangle:
    """First and last pixel of a box, which ends where the pixel after the last begins."""
    x1, y1, x2, y2 = (round(float(x)) for x in box)
    return x1, y1, max(x1, x2 - 1), max(y1, y2 - 1)


def _outline(draw: ImageDraw.ImageDraw, box: Rectangle, colour: tuple[int, int, int]) -> None:
    """A line of two pixels inside the box, with a dark one around it for bright pictures."""
    x1, y1, x2, y2 = box
    draw.rectangle((x1 - 1, y1 - 1, x2 + 1, y2 + 1), outline=(0, 0, 0))
    draw.rectangle(box, outline=colour, width=2 if min(x2 - x1, y2 - y1) > 6 else 1)


def _text_size(name: str) -> tuple[int, int]:
    """Width and height of a name with its margin."""
    return round(font(_LABEL).getlength(name)) + 4, _LABEL + 4


def _room(
    size: tuple[int, int], box: Rectangle, text: tuple[int, int], taken: list[Rectangle]
) -> Rectangle | None:
    """A free place for a name: above the box, below it, or inside at its top."""
    x = min(max(0, box[0] - 1), size[0] - text[0])
    for y in (box[1] - text[1] - 1, box[3] + 2, box[1] + 1):
        place = (x, y, x + text[0] - 1, y + text[1] - 1)
        inside = x >= 0 and y >= 0 and place[3] < size[1]
        if inside and not any(_overlap(place, other) for other in taken):
            return place
    return None


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def _side_by_side(pictures: list[Image.Image]) -> Image.Image:
    gap = 3
    width = sum(picture.width + gap for picture in pictures) - gap
    joined = Image.new("RGB", (width, max(p.height for p in pictures)), "white")
    x = 0
    for picture in pictures:
        joined.paste(picture, (x, 0))
        x += picture.width + gap
    return joined
