"""Image of the objects that LOST discovers, with the annotated boxes.

Letters: H and W positions of the patches.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch

from mmdense.evaluation.dense.protocol import DenseTask
from mmdense.evaluation.dense.unlabelled_protocols import (
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


def draw_objects(task: DenseTask) -> Drawn:
    """Draw the object that LOST finds in each of some test images."""
    images, settings = task.data.test, settle_discovery(task, ObjectDiscovery())
    cells, hits = [], []
    indices = evenly_spaced(len(images), _IMAGES)
    for index in indices:
        pixels = images.square(index, task.size)[None]
        found = discovered(task.frozen, pixels, settings)
        image = fitted(np.ascontiguousarray(images.image(index)[..., ::-1]), _PER_ROW)
        sides = np.tile(image.shape[1::-1], 2)  # W, H, W, H
        words: tuple[str, ...] = (images.paths[index].name,)
        colour = GOOD
        if images.boxes:
            original = torch.tensor(images.image(index).shape[1::-1]).repeat(2)
            annotated = images.boxes[index] / original  # shares of the sides, [G, 4]
            iou = _best_iou(found.boxes.cpu().float(), annotated)
            hits.append(iou >= settings.iou)
            colour = GOOD if hits[-1] else POOR
            words = (*words, f"IoU {iou:.2f}")
            image = outline(image, annotated.numpy() * sides, _OBJECT, width=1)
        image = _tinted(image, found.masks[0].cpu().numpy(), colour)
        cells.append(Cell(outline(image, found.boxes.cpu().numpy() * sides, colour), words))
    feature = "keys of the last attention" if settings.feature == "keys" else "centred patches"
    counted = (
        f" Thin yellow lines are the annotated boxes. Blue objects have an IoU of at least "
        f"{settings.iou:g} with one of them ({sum(hits)} of {len(hits)} images), orange ones do "
        "not."
        if hits
        else ""
    )
    caption = (
        f"The object that LOST (arXiv:2109.14279) finds by the {feature} of "
        f"{type(task.frozen.module).__name__} in {len(indices)} of {len(images)} test images: its "
        f"patches and the box around them.{counted} LOST assumes that an object is smaller than "
        "the background, and finds one object for each image. An object that covers the image "
        "shows that the features of all patches are similar."
    )
    return Drawn(draw_grid(cells, _PER_ROW), "Discovered objects", caption)


def _best_iou(box: torch.Tensor, annotated: torch.Tensor) -> float:
    return float(pairwise_iou(box, annotated).max()) if len(annotated) else 0.0


def _tinted(image: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Colour the patches of a mask [H, W] on an RGB image."""
    size = image.shape[1::-1]
    inside = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    painted = cv2.addWeighted(image, 1 - _COVER, np.full_like(image, colour), _COVER, 0)
    return np.where(inside[..., None], painted, image)
