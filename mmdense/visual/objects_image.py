"""Image of the objects that LOST discovers, with the annotated boxes.

Letters: H and W positions of the patches.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import torch

from mmdense.evaluation.dense.protocol import DenseTask
from mmdense.evaluation.dense.protocols.unlabelled_protocols import (
    ObjectDiscovery,
    discovered,
    settle_discovery,
)
from mmdense.ops.nms import pairwise_iou
from mmdense.visual.annotated_image import outline
from mmdense.visual.chosen_images import evenly_spaced
from mmdense.visual.drawn import Drawn
from mmdense.visual.grid import GOOD, POOR, Cell, draw_grid, fitted

_IMAGES, _PER_ROW = 12, 4
_OBJECT = (255, 221, 51)
_COVER = 0.45  # opacity of the mask
_NAMES = {"keys": "keys of the last attention", "centred": "centred patch features"}


def draw_objects(task: DenseTask) -> Drawn:
    """Draw the object that LOST finds in each of some test images, by keys and by patches.

    Keys are left out if the backbone has none.
    """
    images = task.data.test
    first = settle_discovery(task, ObjectDiscovery())
    kinds = [first] if first.feature == "centred" else [first, replace(first, feature="centred")]
    indices = evenly_spaced(len(images), _IMAGES // len(kinds))
    cells: list[Cell] = []
    hits = dict.fromkeys((kind.feature for kind in kinds), 0)
    for index in indices:
        for kind in kinds:
            cell, hit = _object(task, index, kind)
            cells.append(cell)
            hits[kind.feature] += hit
    headings = [_NAMES[kind.feature] for kind in kinds]
    counts = " and ".join(f"{hits[feature]} by {_NAMES[feature]}" for feature in hits)
    counted = (
        f" Thin yellow lines are the annotated boxes. Blue objects have an IoU of at least "
        f"{first.iou:g} with one of them (of {len(indices)} images {counts}), orange ones do not."
        if images.boxes
        else ""
    )
    caption = (
        f"The object that LOST (arXiv:2109.14279) finds by the features of "
        f"{type(task.frozen.module).__name__} in {len(indices)} of {len(images)} test images: its "
        f"patches and the box around them.{counted} LOST assumes that an object is smaller than "
        "the background, and finds one object for each image. An object that covers the image "
        "shows that the features of all patches are similar."
    )
    return Drawn(draw_grid(cells, _PER_ROW, headings), "Discovered objects", caption)


def _object(task: DenseTask, index: int, settings: ObjectDiscovery) -> tuple[Cell, bool]:
    """The object in a test image, and whether it has the IoU with an annotated box."""
    images = task.data.test
    found = discovered(task.frozen, images.square(index, task.size)[None], settings)
    box = found.boxes.cpu().float()
    original = np.ascontiguousarray(images.image(index)[..., ::-1])  # RGB
    image = fitted(original, _PER_ROW)
    sides = np.tile(image.shape[1::-1], 2)  # W, H, W, H
    words: tuple[str, ...] = (images.paths[index].name,)
    hit = False
    if images.boxes:
        annotated = images.boxes[index] / torch.tensor(original.shape[1::-1]).repeat(2)
        iou = _best_iou(box, annotated)
        hit, words = iou >= settings.iou, (*words, f"IoU {iou:.2f}")
        image = outline(image, annotated.numpy() * sides, _OBJECT, width=1)
    colour = GOOD if hit or not images.boxes else POOR
    image = _tinted(image, found.masks[0].cpu().numpy(), colour)
    return Cell(outline(image, box.numpy() * sides, colour), words), hit


def _best_iou(box: torch.Tensor, annotated: torch.Tensor) -> float:
    return float(pairwise_iou(box, annotated).max()) if len(annotated) else 0.0


def _tinted(image: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Colour the patches of a mask [H, W] on an RGB image."""
    size = image.shape[1::-1]
    inside = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    painted = cv2.addWeighted(image, 1 - _COVER, np.full_like(image, colour), _COVER, 0)
    return np.where(inside[..., None], painted, image)
