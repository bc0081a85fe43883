"""The first region proposals of a detector beside the true boxes.

Letters: P proposals of an image, best first; G objects.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from mmdet.structures.bbox import bbox_overlaps
from torch import Tensor

from mmdense.evaluation.proposing_head import proposing_head
from mmdense.evaluation.recall import match_objects
from mmdense.visual.annotated_image import outline
from mmdense.visual.chosen_images import ChosenImage, ImageSource, evenly_spaced
from mmdense.visual.drawn import Drawn, NothingToDraw
from mmdense.visual.grid import GOOD, POOR, Cell, draw_grid, faded, fitted, side_by_side

__all__ = ["IOU", "Proposals", "count_found", "draw_proposals", "meets_object", "propose"]

IOU = 0.5  # of a proposal and an object that it meets

_IMAGES, _PER_ROW = 6, 2
_BUDGETS = (20, 50)
_OBJECT = (255, 221, 51)


class Proposals(NamedTuple):
    """Of one image, in pixels of its file.

    Attributes:
        boxes: x1, y1, x2, y2, best first. [P, 4]
        objects: x1, y1, x2, y2, crowds and ignored ones left out. [G, 4]
    """

    boxes: np.ndarray
    objects: np.ndarray


def draw_proposals(model: Any, source: ImageSource) -> Drawn:
    """Draw the objects, the first 20 and the first 50 proposals of some images.

    Args:
        model: A detector in eval mode.
        source: Its images, with boxes.

    Raises:
        NothingToDraw: The model proposes no regions, or the images have no boxes.
    """
    try:
        head = proposing_head(model)
    except ValueError as error:
        raise NothingToDraw(str(error)) from error
    if not hasattr(source.dataset, "get_data_info"):
        raise NothingToDraw(f"{type(source.dataset).__name__} does not list its boxes")
    panels, all_found = [], []
    for index in evenly_spaced(len(source), _IMAGES):
        image = source[index]
        annotations = source.dataset.get_data_info(index)
        found = propose(model, image.pixels, image.sample, annotations)
        panels.append(_panels(image, found))
        all_found.append(found)
    rows = side_by_side(panels, _PER_ROW)
    headings = ["objects", *(f"first {budget} proposals" for budget in _BUDGETS)]
    groups = min(_PER_ROW, len(panels))
    sheet = draw_grid(rows, headings * groups, group=len(headings))
    return Drawn(sheet, "Where objects are proposed", _caption(head, all_found, source))


@torch.no_grad()
def propose(model: Any, pixels: Tensor, sample: Any, annotations: Any) -> Proposals:
    """Return the proposals of a detector on one image.

    Args:
        model: In eval mode.
        pixels: What its data preprocessor takes. [C, H, W]
        sample: Upstream's data sample.
        annotations: What the data set knows about the image (``get_data_info``).

    Raises:
        NothingToDraw: The data set lists no objects, or its pipeline gives no scale.
        ValueError: The model proposes no regions, or a box is not finite.
    """
    head = proposing_head(model)
    if "instances" not in annotations:
        raise NothingToDraw("the data set gives no `instances` with boxes")
    if sample is None or "scale_factor" not in sample.metainfo:
        raise NothingToDraw("the pipeline has no Resize that gives its scale_factor")
    data = model.data_preprocessor({"inputs": [pixels], "data_samples": [sample]}, False)
    maps = model.extract_feat(data["inputs"])
    found = head.predict(maps, data["data_samples"], rescale=True)[0]
    boxes = found.bboxes.cpu().double().numpy()
    if not np.isfinite(boxes).all():
        raise ValueError("proposals are NaN or infinite; did the training diverge?")
    objects = [one["bbox"] for one in annotations["instances"] if not one.get("ignore_flag")]
    return Proposals(boxes, np.array(objects, dtype=float).reshape(-1, 4))


def meets_object(proposals: Proposals) -> np.ndarray:
    """Whether each proposal has an IoU of 0.5 at least with some object, bool [P]."""
    if not len(proposals.objects) or not len(proposals.boxes):
        return np.zeros(len(proposals.boxes), dtype=bool)
    iou: Tensor = bbox_overlaps(
        torch.from_numpy(proposals.boxes), torch.from_numpy(proposals.objects)
    )  # [P, G]
    return (iou.max(dim=1).values >= IOU).numpy()


def count_found(proposals: Proposals, budget: int) -> int:
    """How many objects the first ``budget`` proposals find, each at most one, as COCO counts."""
    if not len(proposals.objects):
        return 0
    boxes, objects = _as_xywh(proposals.boxes), _as_xywh(proposals.objects)
    everything = np.ones((1, len(objects)), dtype=bool)  # [1, G]
    places = match_objects(boxes, objects, everything, np.array([IOU]))  # [1, 1, G]
    return int((places < budget).sum())


def _as_xywh(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def _panels(image: ChosenImage, found: Proposals) -> list[Cell]:
    """The objects, then the proposals of each budget."""
    shown = fitted(image.picture, (1 + len(_BUDGETS)) * _PER_ROW)
    ratio = shown.shape[1] / image.picture.shape[1]
    scale = np.tile(np.asarray(image.sample.scale_factor, dtype=float)[:2], 2) * ratio
    truth = outline(shown, found.objects * scale, _OBJECT)
    number = len(found.objects)
    cells = [Cell(truth, (image.name, f"{number} object" + "s" * (number != 1)))]
    meets, boxes = meets_object(found), found.boxes * scale
    for budget in _BUDGETS:
        first, best = meets[:budget], boxes[:budget]
        panel = outline(faded(shown), best[~first], POOR, width=1)
        panel = outline(panel, best[first], GOOD)
        words = f"{first.sum()} of {len(first)} meet an object"
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
        f"The first proposals of {type(head).__name__} on {source.describe(len(found))}, beside "
        f"the true boxes (yellow). A proposal that meets an object, with an IoU of {IOU} or more, "
        f"is a thick blue line, any other a thin orange one. On these images, {recalls}. Look "
        "for objects without a blue box: what is not proposed cannot be detected. Small and "
        "crowded objects go first."
    )
