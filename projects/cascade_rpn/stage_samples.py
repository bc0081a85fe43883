"""Samples of a stage: anchor-free assignment, or assigners and samplers of MMDetection.

Legend::

    N   images
    L   boxes of an image, all levels
    A   boxes at each cell
    G   objects of all images
"""

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.models.task_modules import AssignResult, PseudoSampler
from mmdet.models.utils import unpack_gt_instances
from mmdet.registry import TASK_UTILS as MMDET_TASK_UTILS
from mmdet.structures.bbox import get_box_tensor
from mmengine.structures import InstanceData
from torch import Tensor

from mmdense.registry import TASK_UTILS
from projects.cascade_rpn.region_targets import (
    IGNORED,
    NEGATIVE,
    Levels,
    cells_inside,
    image_cells,
    region_targets,
)
from projects.cascade_rpn.stage_loss import Samples

__all__ = ["AnchorRule", "RegionAssigner", "build_rules", "objects_of"]


@TASK_UTILS.register_module()
class RegionAssigner:
    """Anchor-free assignment, see :mod:`~projects.cascade_rpn.region_targets`.

    With several boxes at a positive cell, the box with the shape nearest to the object is positive;
    the others are ignored.

    Args:
        center_ratio: size of the centre region, as a fraction of the object.
        ignore_ratio: size of the ignore region; at least ``center_ratio``.
        compat: use the regions of the published code, which depend on the order of objects. Crowd
            regions and cells in the padding are ignored as without ``compat``.

    Raises:
        ValueError: the ratios are out of range.
    """

    def __init__(
        self, center_ratio: float = 0.2, ignore_ratio: float = 0.5, compat: bool = False
    ) -> None:
        if not 0 <= center_ratio <= ignore_ratio:
            raise ValueError(
                f"center_ratio={center_ratio} must be between 0 and ignore_ratio={ignore_ratio}"
            )
        self.center_ratio = center_ratio
        self.ignore_ratio = ignore_ratio
        self.compat = compat

    def assign(
        self,
        boxes: Tensor,
        valid: Tensor,
        levels: Levels,
        objects: Sequence[Tensor],
        ignored: Sequence[Tensor],
    ) -> Tensor:
        """Return the target object of each box.

        Args:
            boxes: [N, L, 4] anchors.
            valid: [N, L] whether the box is inside the image.
            levels: the pyramid.
            objects: [g, 4] of each image.
            ignored: [i, 4] regions of each image without negatives (crowds).

        Returns:
            [N, L] int64: ``i + 1`` for object i of all images, 0 for negative, -1 for ignored.
        """
        N = len(objects)
        gts, image = _flatten(objects)  # [G, 4], [G]
        target = region_targets(
            gts,
            image,
            levels,
            num_images=N,
            cells=None if self.compat else image_cells(valid, levels),
            center_ratio=self.center_ratio,
            ignore_ratio=self.ignore_ratio,
            compat=self.compat,
        )  # [N, cells]
        regions, of_image = _flatten(ignored)
        inside = cells_inside(regions, of_image, levels, num_images=N)  # [N, cells]
        target = torch.where(inside & (target == NEGATIVE), IGNORED, target)
        A = boxes.shape[1] // target.shape[1]
        if A > 1:
            target = _nearest_shape(target, boxes, gts, A)  # [N, L]
        return torch.where(valid, target, IGNORED)


class AnchorRule:
    """An assigner and a sampler.

    Args:
        assigner: config of ``mmdense.RegionAssigner`` or of an assigner of MMDetection.
        sampler: config of a sampler of MMDetection; by default all assigned boxes are samples.

    Raises:
        ValueError: the sampler adds objects to the boxes.
    """

    def __init__(self, assigner: dict[str, Any], sampler: dict[str, Any] | None = None) -> None:
        self.assigner = MMDET_TASK_UTILS.build(assigner)
        if sampler and sampler.get("add_gt_as_proposals", False):
            raise ValueError("sampler.add_gt_as_proposals must be False: objects have no cell")
        self.sampler = MMDET_TASK_UTILS.build(sampler) if sampler else None

    def samples(
        self,
        boxes: Tensor,
        valid: Tensor,
        levels: Levels,
        objects: Sequence[Tensor],
        ignored: Sequence[Tensor],
    ) -> Samples:
        """Return the samples; the arguments are those of :meth:`RegionAssigner.assign`."""
        if not isinstance(self.assigner, RegionAssigner):
            parts = [
                self._by_mmdet(boxes[image], valid[image], objects[image], ignored[image])
                for image in range(len(objects))
            ]
            return _join_images(parts, boxes.shape[1])
        target = self.assigner.assign(boxes, valid, levels, objects, ignored)  # [N, L]
        if self.sampler is None:
            flat = target.flatten()
            positive = (flat > 0).nonzero()[:, 0]
            gts = torch.cat(list(objects))[flat[positive] - 1]
            return Samples(positive, gts, (flat == NEGATIVE).nonzero()[:, 0])
        parts, first = [], 0
        for of_image, here, gts in zip(target, boxes, objects, strict=True):
            own = torch.where(of_image > 0, of_image - first, of_image)
            parts.append(self._sample(AssignResult(len(gts), own, None, own), here, gts))
            first += len(gts)
        return _join_images(parts, boxes.shape[1])

    def _by_mmdet(self, boxes: Tensor, valid: Tensor, objects: Tensor, ignored: Tensor) -> Samples:
        place = valid.nonzero()[:, 0]
        others = InstanceData(bboxes=ignored) if len(ignored) else None
        assigned = self.assigner.assign(
            InstanceData(priors=boxes[place]), _instances(objects), others
        )
        chosen = self._sample(assigned, boxes[place], objects)
        return Samples(place[chosen.positive], chosen.objects, place[chosen.negative])

    def _sample(self, assigned: AssignResult, boxes: Tensor, objects: Tensor) -> Samples:
        sampler = self.sampler or PseudoSampler()
        assigned.labels = torch.zeros_like(assigned.gt_inds)
        chosen = sampler.sample(assigned, InstanceData(priors=boxes), _instances(objects))
        return Samples(chosen.pos_inds, chosen.pos_gt_bboxes.view(-1, 4), chosen.neg_inds)


def build_rules(train_cfg: Any, *, stages: int) -> list[AnchorRule]:
    """Return the assigner and sampler of every stage, from ``train_cfg.rpn``.

    Raises:
        ValueError: there is not one entry for each stage, an entry has an unknown key or no
            assigner, or a part of it cannot be built; the message has the entry.
    """
    entries = len(train_cfg) if isinstance(train_cfg, list | tuple) else "a single one"
    if entries != stages:
        raise ValueError(
            "train_cfg.rpn must be a list with an entry for each stage: rpn_head.stages has "
            f"{stages}, train_cfg.rpn {entries}"
        )
    rules = []
    for index, entry in enumerate(train_cfg):
        try:
            rules.append(AnchorRule(**entry))
        except (KeyError, TypeError, ValueError) as error:  # KeyError: no such type
            raise ValueError(f"train_cfg.rpn[{index}]: {error}") from error
    return rules


def objects_of(batch_data_samples: list) -> tuple[list[Tensor], list[Tensor]]:
    """Return the boxes of objects and of ignored regions of each image, float32."""
    gts, ignored, _ = unpack_gt_instances(batch_data_samples)
    objects = [get_box_tensor(instances.bboxes).float() for instances in gts]
    regions = [
        boxes.new_zeros(0, 4) if part is None else get_box_tensor(part.bboxes).to(boxes)
        for part, boxes in zip(ignored, objects, strict=True)
    ]
    return objects, regions


def _instances(objects: Tensor) -> InstanceData:
    labels = torch.zeros(len(objects), dtype=torch.long, device=objects.device)
    return InstanceData(bboxes=objects, labels=labels)


def _join_images(parts: Sequence[Samples], boxes: int) -> Samples:
    """Join the samples of all images; indices count ``boxes`` for each image."""
    return Samples(
        torch.cat([part.positive + boxes * image for image, part in enumerate(parts)]),
        torch.cat([part.objects for part in parts]),
        torch.cat([part.negative + boxes * image for image, part in enumerate(parts)]),
    )


def _flatten(boxes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Boxes of all images [G, 4], and the image of each [G]."""
    flat = torch.cat(list(boxes))
    number = torch.arange(len(boxes), device=flat.device)
    counts = torch.tensor([len(part) for part in boxes], device=flat.device)
    return flat, torch.repeat_interleave(number, counts, output_size=len(flat))


def _nearest_shape(target: Tensor, boxes: Tensor, objects: Tensor, A: int) -> Tensor:
    """From the targets of cells [N, cells] to those of boxes [N, cells * A]."""
    target = target.unsqueeze(-1).repeat(1, 1, A)  # [N, cells, A]
    image, cell = (target[..., 0] > 0).nonzero(as_tuple=True)  # [P]
    sides = boxes.view(*target.shape, 4)[image, cell]  # [P, A, 4]
    sides = sides[..., 2:] - sides[..., :2]  # [P, A, 2]
    owner = objects[target[image, cell, 0] - 1]  # [P, 4]
    wanted = (owner[:, 2:] - owner[:, :2]).unsqueeze(1)  # [P, 1, 2]
    shared = torch.minimum(sides, wanted).prod(-1)  # [P, A]
    best = (shared / (sides.prod(-1) + wanted.prod(-1) - shared)).argmax(-1, keepdim=True)
    number = torch.arange(A, device=target.device)
    target[image, cell] = torch.where(number == best, target[image, cell], IGNORED)
    return target.flatten(1)
