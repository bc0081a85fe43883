"""Ground truth on an image: boxes with class names, masks, and maps of classes.

Letters: H and W of the image, s its magnification, N boxes.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from PIL import Image, ImageDraw
from torchvision.utils import draw_bounding_boxes, draw_segmentation_masks

from mmdense.visual.class_list import ClassList
from mmdense.visual.grid import font
from mmdense.visual.model_inputs import ModelInput

__all__ = ["annotate", "hatched", "outline"]

Colour = tuple[int, int, int]
Rectangle = tuple[int, int, int, int]

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
            canvas = _paint(canvas, shape, classes.colour(label), _MASK)
            edges, _ = cv2.findContours(
                shape.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE
            )
            canvas = cv2.drawContours(canvas, edges, -1, classes.colour(label), 1)
    if image.ignored is not None:
        canvas = outline(canvas, image.ignored * scale, _GREY)
    if image.boxes is not None and image.labels is not None:
        canvas = _with_boxes(canvas, image.boxes * scale, image.labels, classes)
    return _side_by_side([canvas, *views[1:]])


def outline(
    picture: np.ndarray, boxes: np.ndarray, colours: Colour | list[Colour], *, width: int = 2
) -> np.ndarray:
    """Return an image with boxes. Lines are inside the boxes; thick ones have a dark outer edge.

    Args:
        picture: RGB, uint8. [H, W, 3]
        boxes: x1, y1, x2, y2 in pixels; x2 and y2 are exclusive. [N, 4]
        colours: One colour for all boxes, or one for each.
        width: Line width in pixels.
    """
    if not len(boxes):
        return picture
    corners = torch.from_numpy(boxes.round()).long()
    corners[:, 2:] = (corners[:, 2:] - 1).maximum(corners[:, :2])
    around = corners + torch.tensor([-1, -1, 1, 1])
    image = torch.from_numpy(picture).permute(2, 0, 1)
    if width > 1:
        image = draw_bounding_boxes(image, around, colors=(0, 0, 0))
    image = draw_bounding_boxes(image, corners, colors=colours, width=width)
    return np.ascontiguousarray(image.permute(1, 2, 0).numpy())


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


def _paint(picture: np.ndarray, mask: np.ndarray, colour: Colour, opacity: float) -> np.ndarray:
    """Return the image with a colour over a mask, bool [H, W]."""
    image = torch.from_numpy(picture).permute(2, 0, 1)
    image = draw_segmentation_masks(image, torch.from_numpy(mask), opacity, [colour])
    return np.ascontiguousarray(image.permute(1, 2, 0).numpy())


def _paint_semantic(picture: np.ndarray, semantic: np.ndarray, classes: ClassList) -> np.ndarray:
    """Draw the class colour of each pixel, dark borders, and stripes on ignored pixels."""
    painted = picture
    for number in np.unique(semantic):
        mask = semantic == number
        if number == classes.ignore_index:
            pattern = hatched(*semantic.shape)
            for grey in (_GREY, _STRIPE):
                part = mask & (pattern[..., 0] == grey[0])
                painted = _paint(painted, part, grey, _SEMANTIC)
        else:
            painted = _paint(painted, mask, classes.colour(int(number)), _SEMANTIC)
    plane = semantic.astype(np.float32)
    border = cv2.dilate(plane, np.ones((2, 2))) != cv2.erode(plane, np.ones((2, 2)))
    painted[border] = painted[border] // 3
    return painted


def _with_boxes(
    picture: np.ndarray, boxes: np.ndarray, labels: np.ndarray, classes: ClassList
) -> np.ndarray:
    """Draw all boxes, then the class names that fit, starting with the smallest box."""
    order = np.argsort(-(boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), kind="stable")
    boxes, colours = boxes[order], [classes.colour(label) for label in labels[order]]
    canvas = Image.fromarray(outline(picture, boxes, colours))
    draw = ImageDraw.Draw(canvas)
    taken: list[Rectangle] = []
    for box, label, colour in reversed(list(zip(boxes, labels[order], colours))):
        name = classes.name(label)
        size = round(font(_LABEL).getlength(name)) + 4, _LABEL + 4
        place = _room(canvas.size, box, size, taken)
        if place is not None:
            taken.append(place)
            draw.rectangle(place, fill=colour)
            ink = (0, 0, 0) if np.dot(colour, (0.299, 0.587, 0.114)) > 140 else (255, 255, 255)
            draw.text((place[0] + 2, place[1] + 1), name, fill=ink, font=font(_LABEL), anchor="la")
    return np.asarray(canvas)


def _room(
    size: tuple[int, int], box: np.ndarray, text: tuple[int, int], taken: list[Rectangle]
) -> Rectangle | None:
    """Return a free place for a name: above the box, below it, or inside at its top."""
    left, top, _, bottom = (round(float(side)) for side in box)
    x = min(max(0, left - 1), size[0] - text[0])
    for y in (top - text[1] - 1, bottom + 1, top + 1):
        place = (x, y, x + text[0] - 1, y + text[1] - 1)
        inside = x >= 0 and y >= 0 and place[3] < size[1]
        if inside and not any(_overlap(place, other) for other in taken):
            return place
    return None


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def _side_by_side(views: list[np.ndarray]) -> Image.Image:
    gap = 3
    width = sum(view.shape[1] + gap for view in views) - gap
    joined = Image.new("RGB", (width, max(view.shape[0] for view in views)), "white")
    x = 0
    for view in views:
        joined.paste(Image.fromarray(view), (x, 0))
        x += view.shape[1] + gap
    return joined
