"""Ground truth on an image: boxes with class names, masks, and maps of classes.

Letters: H and W of the image, s its magnification, N boxes.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from PIL import Image, ImageDraw
from torchvision.utils import draw_bounding_boxes

from mmdense.visual.grid import font
from mmdense.visual.model_inputs import ClassList, ModelInput

Colour = tuple[int, int, int]

_MASK, _SEMANTIC = 0.45, 0.55  # opacity of a colour
_GREY, _STRIPE = (128, 128, 128), (200, 200, 200)
_LABEL = 11  # height of the text on a box, in pixels


def annotate(image: ModelInput, classes: ClassList, scale: float) -> Image.Image:
    """Return a scaled image with its ground truth; further views are on the right.

    Lines and text have the same size at every scale. A class name that would cover another one is
    left out.

    Args:
        image: Image with its ground truth.
        classes: Names and colours.
        scale: s, magnification; enlarged pixels stay squares.

    Returns:
        RGB. The first view is s H high and s W wide.
    """
    views = [_magnify(view, scale) for view in image.views]
    canvas = views[0]
    if image.semantic is not None:
        canvas = _paint_semantic(canvas, _magnify(image.semantic, scale, nearest=True), classes)
    if image.masks is not None and image.labels is not None:
        for mask, label in zip(image.masks, image.labels):
            shape = _magnify(mask, scale, nearest=True)
            colour = classes.colour(label)
            painted = cv2.addWeighted(canvas, 1 - _MASK, np.full_like(canvas, colour), _MASK, 0)
            canvas = np.where(shape[..., None], painted, canvas)
            edges, _ = cv2.findContours(
                shape.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE
            )
            canvas = cv2.drawContours(canvas, edges, -1, colour, 1)
    if image.ignored is not None:
        canvas = outline(canvas, image.ignored * scale, _GREY)
    if image.boxes is not None and image.labels is not None:
        canvas = _with_boxes(canvas, image.boxes * scale, image.labels, classes)
    return _side_by_side([canvas, *views[1:]])


def outline(
    image: np.ndarray, boxes: np.ndarray, colours: Colour | list[Colour], *, width: int = 2
) -> np.ndarray:
    """Return an image with boxes. Lines are inside the boxes; thick ones have a dark outer edge.

    Args:
        image: RGB, uint8. [H, W, 3]
        boxes: x1, y1, x2, y2 in pixels; x2 and y2 are exclusive. [N, 4]
        colours: One colour for all boxes, or one for each.
        width: Line width in pixels.
    """
    if not len(boxes):
        return image
    corners = torch.from_numpy(boxes.round()).long()
    corners[:, 2:] = (corners[:, 2:] - 1).maximum(corners[:, :2])
    around = corners + torch.tensor([-1, -1, 1, 1])
    drawn = torch.from_numpy(image).permute(2, 0, 1)
    if width > 1:
        drawn = draw_bounding_boxes(drawn, around, colors=(0, 0, 0))
    drawn = draw_bounding_boxes(drawn, corners, colors=colours, width=width)
    return np.ascontiguousarray(drawn.permute(1, 2, 0).numpy())


def hatched(height: int, width: int) -> np.ndarray:
    """Return grey stripes for ignored pixels, uint8 [H, W, 3]."""
    rows, columns = np.ogrid[:height, :width]
    stripes = (rows + columns) % 8 < 2
    return np.where(stripes[..., None], _STRIPE, _GREY).astype(np.uint8)


def _magnify(plane: np.ndarray, scale: float, *, nearest: bool = False) -> np.ndarray:
    """Scale [H, W] or [H, W, 3] to s H by s W."""
    height, width = (max(1, round(side * scale)) for side in plane.shape[:2])
    how = cv2.INTER_NEAREST if nearest or scale >= 1 else cv2.INTER_AREA
    kind = plane.dtype if plane.dtype == np.uint8 else np.int32
    resized = cv2.resize(plane.astype(kind), (width, height), interpolation=how)
    return resized.astype(plane.dtype)


def _paint_semantic(image: np.ndarray, semantic: np.ndarray, classes: ClassList) -> np.ndarray:
    """Draw the class colour of each pixel, dark borders, and stripes on ignored pixels."""
    colours = hatched(*semantic.shape)
    for number in set(np.unique(semantic).tolist()) - {classes.ignore_index}:
        colours[semantic == number] = classes.colour(number)
    painted = cv2.addWeighted(image, 1 - _SEMANTIC, colours, _SEMANTIC, 0)
    plane, square = semantic.astype(np.float32), np.ones((2, 2))
    painted[cv2.dilate(plane, square) != cv2.erode(plane, square)] //= 3
    return painted


def _with_boxes(
    image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, classes: ClassList
) -> np.ndarray:
    """Draw all boxes, then the class names that fit, starting with the smallest box."""
    order = np.argsort(-(boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), kind="stable")
    boxes, colours = boxes[order], [classes.colour(label) for label in labels[order]]
    canvas = Image.fromarray(outline(image, boxes, colours))
    draw = ImageDraw.Draw(canvas)
    taken = np.zeros(image.shape[:2], dtype=bool)
    for box, label, colour in reversed(list(zip(boxes, labels[order], colours))):
        name = classes.name(label)
        size = round(font(_LABEL).getlength(name)) + 4, _LABEL + 4
        place = _room(taken, box, size)
        if place is not None:
            x, y = place
            draw.rectangle((x, y, x + size[0] - 1, y + size[1] - 1), fill=colour)
            ink = (0, 0, 0) if np.dot(colour, (0.299, 0.587, 0.114)) > 140 else (255, 255, 255)
            draw.text((x + 2, y + 1), name, fill=ink, font=font(_LABEL), anchor="la")
    return np.asarray(canvas)


def _room(taken: np.ndarray, box: np.ndarray, size: tuple[int, int]) -> tuple[int, int] | None:
    """Take a free place for a name, above the box, below it, or inside at its top; return x, y."""
    height, width = taken.shape
    left, top, _, bottom = (round(float(side)) for side in box)
    x = min(max(0, left - 1), width - size[0])
    for y in (top - size[1] - 1, bottom + 1, top + 1):
        place = taken[y : y + size[1], x : x + size[0]]
        if x >= 0 and y >= 0 and y + size[1] <= height and not place.any():
            place[...] = True
            return x, y
    return None


def _side_by_side(views: list[np.ndarray]) -> Image.Image:
    height, gap = max(view.shape[0] for view in views), 3
    padded = [
        np.pad(v, [(0, height - v.shape[0]), (0, gap), (0, 0)], constant_values=255) for v in views
    ]
    return Image.fromarray(np.hstack(padded)[:, :-gap])
