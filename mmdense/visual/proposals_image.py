"""Image of the first region proposals of a detector and the ground-truth boxes.

Letters: P proposals of an image, best first; G objects.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from mmdet.structures.bbox import bbox_overlaps
from torch import Tensor

from mmdense.evaluation.proposal_recall import proposing_head
from mmdense.evaluation.recall import match_objects
from mmdense.visual.annotated_image import outline
from mmdense.visual.chosen_images import ChosenImage, ImageSource, evenly_spaced
from mmdense.visual.drawn import Drawn, NothingToDraw
from mmdense.visual.grid import GOOD, POOR, Cell, draw_grid, faded, fitted

IOU = 0.5  # minimum IoU of a proposal that matches an object

_IMAGES, _PER_ROW = 6, 2
_BUDGETS = (20, 50)
_OBJECT = (255, 221, 51)


class Proposals(NamedTuple):
    """Boxes of one image, in pixels of its file.

    Attributes:
        boxes: x1, y1, x2, y2, best first. [P, 4]
        objects: x1, y1, x2, y2, without crowds and ignored boxes. [G, 4]
    """

    boxes: np.ndarray
    objects: np.ndarray


def draw_proposals(model: Any, source: ImageSource) -> Drawn:
    """Draw the objects, the first 20 proposals and the first 50 proposals of some images.

    Raises:
        NothingToDraw: The model has no region proposals, or the images have no boxes.
    """
    try:
        head = proposing_head(model)
    except ValueError as error:
        raise NothingToDraw(str(error)) from error
    if not hasattr(source.dataset, "get_data_info"):
        raise NothingToDraw(f"{type(source.dataset).__name__} has no boxes (no get_data_info)")
    cells, all_found = [], []
    for index in evenly_spaced(len(source), _IMAGES):
        image = source[index]
        annotations = source.dataset.get_data_info(index)
        all_found.append(propose(model, image.pixels, image.sample, annotations))
        cells += _panels(image, all_found[-1])
    headings = ["objects", *(f"first {budget} proposals" for budget in _BUDGETS)]
    sheet = draw_grid(cells, _PER_ROW * len(headings), headings)
    return Drawn(sheet, "Region proposals", _caption(head, all_found, source))


@torch.no_grad()
def propose(model: Any, pixels: Tensor, sample: Any, annotations: Any) -> Proposals:
    """Return the proposals of a detector on one image.

    Args:
        model: Detector in eval mode.
        pixels: Input of the data preprocessor. [C, H, W]
        sample: Data sample of OpenMMLab.
        annotations: Annotations of the image from ``get_data_info``.

    Raises:
        NothingToDraw: The data set has no objects, or its pipeline does not resize.
        ValueError: The model has no region proposals, or a box is not finite.
    """
    head = proposing_head(model)
    if "instances" not in annotations:
        raise NothingToDraw("the data set has no `instances` with boxes")
    if sample is None or "scale_factor" not in sample.metainfo:
        raise NothingToDraw("the data samples have no scale_factor: add Resize to the pipeline")
    data = model.data_preprocessor({"inputs": [pixels], "data_samples": [sample]}, False)
    maps = model.extract_feat(data["inputs"])
    found = head.predict(maps, data["data_samples"], rescale=True)[0]
    boxes = found.bboxes.cpu().double().numpy()
    if not np.isfinite(boxes).all():
        raise ValueError("proposals are NaN or infinite: the training may have diverged")
    objects = [one["bbox"] for one in annotations["instances"] if not one.get("ignore_flag")]
    return Proposals(boxes, np.array(objects, dtype=float).reshape(-1, 4))


def meets_object(proposals: Proposals) -> np.ndarray:
    """Return whether each proposal has an IoU of at least 0.5 with an object, bool [P]."""
    iou = bbox_overlaps(*map(torch.from_numpy, proposals))  # [P, G]
    return (iou >= IOU).any(dim=1).numpy()


def count_found(proposals: Proposals, budget: int) -> int:
    """Return the number of objects that the first ``budget`` proposals match, as in COCO."""
    if not len(proposals.objects):
        return 0
    boxes, objects = (np.hstack([b[:, :2], b[:, 2:] - b[:, :2]]) for b in proposals)  # xywh
    everything = np.ones((1, len(objects)), dtype=bool)  # [1, G]
    places = match_objects(boxes, objects, everything, np.array([IOU]))  # [1, 1, G]
    return int((places < budget).sum())


def _panels(image: ChosenImage, found: Proposals) -> list[Cell]:
    """Return panels with the objects, then with the proposals of each budget."""
    shown = fitted(image.image, (1 + len(_BUDGETS)) * _PER_ROW)
    ratio = shown.shape[1] / image.image.shape[1]
    scale = np.tile(np.asarray(image.sample.scale_factor, dtype=float)[:2], 2) * ratio
    truth = outline(shown, found.objects * scale, _OBJECT)
    number = len(found.objects)
    cells = [Cell(truth, (image.name, f"{number} object" + "s" * (number != 1)))]
    meets, boxes = meets_object(found), found.boxes * scale
    for budget in _BUDGETS:
        first, best = meets[:budget], boxes[:budget]
        panel = outline(faded(shown), best[~first], POOR, width=1)
        panel = outline(panel, best[first], GOOD)
        words = f"{first.sum()} of {len(first)} match an object"
        hits = f"{count_found(found, budget)} of {number} objects found"
        cells.append(Cell(panel, (words, hits)))
    return cells


def _caption(head: Any, found: list[Proposals], source: ImageSource) -> str:
    objects = sum(len(one.objects) for one in found)
    recalls = "; ".join(
        f"recall at IoU {IOU} of {budget} proposals: "
        f"{sum(count_found(one, budget) for one in found)} of {objects} objects"
        for budget in _BUDGETS
    )
    return (
        f"The first proposals of {type(head).__name__} on {source.describe(len(found))}, with the "
        f"ground-truth boxes (yellow). Thick blue lines are proposals with an IoU >= {IOU} "
        f"with an object; thin orange lines are the others. On these images, {recalls}. An object "
        "without a blue box cannot be detected. Small and crowded objects are the most difficult."
    )
