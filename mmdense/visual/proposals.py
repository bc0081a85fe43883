"""The first region proposals of a detector and the objects that they meet.

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
from mmdense.visual.drawn import NothingToDraw

__all__ = ["IOU", "Proposals", "count_found", "meets_object", "propose"]

IOU = 0.5  # of a proposal and an object that it meets


class Proposals(NamedTuple):
    """Of one image, in pixels of its file.

    Attributes:
        boxes: x1, y1, x2, y2, best first. [P, 4]
        objects: x1, y1, x2, y2, crowds and ignored ones left out. [G, 4]
    """

    boxes: np.ndarray
    objects: np.ndarray


@torch.no_grad()
def propose(model: Any, pixels: Tensor, sample: Any, annotations: Any) -> Proposals:
    """Run a detector as far as its proposals on one image.

    Args:
        model: In eval mode.
        pixels: What its data preprocessor takes. [C, H, W]
        sample: The host's data sample.
        annotations: What the data set knows about the image (``get_data_info``).

    Raises:
        NothingToDraw: The data set lists no objects, or its pipeline tells no scale.
        ValueError: The model proposes no regions, or a box is not finite.
    """
    head = proposing_head(model)
    if "instances" not in annotations:
        raise NothingToDraw("the data set gives no `instances` with boxes")
    if sample is None or "scale_factor" not in sample.metainfo:
        raise NothingToDraw("the pipeline has no Resize that tells its scale_factor")
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
