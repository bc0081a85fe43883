"""COCO annotations of Collage's masks, exact to the pixel.

A box is tight around the visible mask, and the area is its number of pixels. A segmentation is a
list of polygons if they decode to exactly the mask. Masks with holes and crowds are run-length
encoded (RLE).

Legend: H, W rows and columns of the image.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask
from skimage.measure import find_contours

from mmdense.data.collage.scene import Visible
from mmdense.data.collage.shapes import CLASSES

# In pixels. Removes the steps of a pixel outline; `exact_polygons` checks that the pixels stay.
_POLYGON_TOLERANCE = 0.3


def annotate(item: Visible) -> dict[str, Any]:
    """Return the COCO annotation of the visible part of an object, without ids.

    Returns:
        `category_id` (class index + 1), `bbox` (x, y, width, height in pixels), `area` (pixels),
        `segmentation`, `iscrowd`.
    """
    x, y, w, h = tight_box(item.mask)
    polygons = None if item.crowd else exact_polygons(item.mask)
    return {
        "category_id": item.label + 1,
        "bbox": [x, y, w, h],
        "area": int(item.mask.sum()),
        "segmentation": run_lengths(item.mask) if polygons is None else polygons,
        "iscrowd": int(item.crowd),
    }


def tight_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Return the tight box (x, y, width, height) of a bool mask `[H, W]`."""
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    return int(x), int(y), int(w), int(h)


def exact_polygons(mask: np.ndarray) -> list[list[float]] | None:
    """Return the polygons of a bool mask `[H, W]`, or None if they do not decode to the mask.

    Returns:
        One list x1, y1, x2, y2, ... for each connected part, in pixels from the image's corner.
    """
    x, y, w, h = tight_box(mask)
    inner = np.pad(mask[y : y + h, x : x + w], 1).astype(np.float32)  # [h + 2, w + 2]
    polygons = []
    for contour in find_contours(inner, 0.5):
        # Outline points are multiples of half a pixel, so their double is an integer. The last
        # point repeats the first one.
        twice = np.round(contour[:-1, ::-1] * 2).astype(np.int32)
        corners = cv2.approxPolyDP(twice, 2 * _POLYGON_TOLERANCE, closed=True)[:, 0]  # [P, 2]
        # In COCO, pixel centres are at x.5. The padding shifted the outline by one pixel.
        polygons.append((corners / 2 + (x - 0.5, y - 0.5)).ravel().tolist())
    decoded = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, *mask.shape)))
    return polygons if np.array_equal(decoded.astype(bool), mask) else None


def run_lengths(mask: np.ndarray) -> dict[str, Any]:
    """Return a bool mask `[H, W]` as COCO's compressed RLE."""
    code = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": [int(n) for n in code["size"]], "counts": code["counts"].decode("ascii")}


def coco_document(scenes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the content of a COCO file.

    Args:
        scenes: `file_name`, `width`, `height` and `annotations` of each image, in the order of
            their ids.
    """
    items = [(place, item) for place, scene in enumerate(scenes) for item in scene["annotations"]]
    annotations = [{"id": k, "image_id": p, **item} for k, (p, item) in enumerate(items, start=1)]
    images = [
        {"id": place, **{key: scene[key] for key in ("file_name", "width", "height")}}
        for place, scene in enumerate(scenes)
    ]
    return {
        "info": {"description": "Collage, a generated data set: scores on it are synthetic"},
        "images": images,
        "annotations": annotations,
        "categories": [
            {"id": k + 1, "name": name, "supercategory": "shape"} for k, name in enumerate(CLASSES)
        ],
    }
