"""Cascade RPN as a head of MMDetection: anchors are refined in stages and become proposals.

Source: Vu et al., Cascade RPN (2019). docs/cascade_rpn.md lists the differences from the published
code.

Legend::

    N, C, H, W   images, channels, height and width of a level
    A            anchors at each cell
    L            anchors of all levels, finest first, cells row by row, anchors of a cell adjacent
    S            scores of an anchor
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from mmcv.ops import batched_nms
from mmdet.registry import TASK_UTILS as MMDET_TASK_UTILS
from mmdet.structures.bbox import scale_boxes
from mmengine.model import BaseModule, ModuleList
from mmengine.structures import InstanceData
from torch import Tensor

from mmdense.registry import MODELS
from projects.cascade_rpn.anchor_pyramid import AnchorPyramid, lay_anchors, measure_anchors
from projects.cascade_rpn.proposals import (
    Candidates,
    check_settings,
    clip_boxes_to_images,
    filter_proposals,
    finite_images,
    top_n_of_levels,
)
from projects.cascade_rpn.stage import CascadeStage
from projects.cascade_rpn.stage_samples import build_rules, objects_of

__all__ = ["CascadeRPNHead", "Step"]


class Step(NamedTuple):
    """Input and output of one stage."""

    boxes: Tensor  # [N, L, 4], detached: anchors, or refined anchors
    scores: Tensor | None  # [N, L, S] logits, or None without a classifier
    deltas: Tensor  # [N, L, 4] in the coding of the stage


@MODELS.register_module()
class CascadeRPNHead(BaseModule):
    """Region proposals by anchors that are refined from stage to stage.

    Use it as the ``rpn_head`` of a detector of MMDetection, or as the ``bbox_head`` of its ``RPN``.
    Its methods take the maps of all levels, [N, in_channels, H, W] each, and the data samples of
    the images, with their ``img_shape``.

    Args:
        in_channels: channels of the pyramid.
        feat_channels: C of every stage.
        anchor_generator: config for MMDetection; one square anchor of 8 strides in the paper.
        stages: arguments of each :class:`~projects.cascade_rpn.stage.CascadeStage`, first to last.
        num_classes: 1; set by the detectors of MMDetection.
        train_cfg: for each stage its ``assigner`` and an optional ``sampler``.
        test_cfg: ``nms_pre``, ``max_per_img``, ``nms`` and ``min_bbox_size``.
        init_cfg: of MMEngine; type ``Pretrained`` replaces the initialisation of the stages.

    Raises:
        ValueError: there are no stages, the last one has no classifier, ``train_cfg`` does not have
            one entry for each stage, or an argument of a stage is wrong; the message has the key.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        anchor_generator: dict[str, Any],
        stages: Sequence[dict[str, Any]],
        feat_channels: int = 256,
        num_classes: int = 1,
        train_cfg: Sequence[dict[str, Any]] | None = None,
        test_cfg: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if num_classes != 1:
            raise ValueError(f"num_classes must be 1 (object or not), found {num_classes}")
        if not stages or not stages[-1].get("with_cls"):
            raise ValueError("rpn_head.stages[-1] needs with_cls=True, to score the proposals")
        if stages[-1].get("bridged"):
            raise ValueError("rpn_head.stages[-1] has bridged=True, but there is no next stage")
        self.prior_generator = MMDET_TASK_UTILS.build(anchor_generator)
        self.anchor_sizes = measure_anchors(self.prior_generator)
        self.test_cfg = test_cfg
        self.stages = ModuleList()
        channels = in_channels
        for index, stage in enumerate(stages):
            self.stages.append(self._build_stage(index, channels, feat_channels, stage))
            channels = feat_channels if stage.get("bridged") else channels
        self.rules = []
        if train_cfg is not None:
            self.rules = build_rules(train_cfg, stages=len(stages))

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return refined boxes [N, L, 4] in pixels, clipped to the maps, and probabilities [N, L].

        It needs no image metas; for export and FLOPs.
        """
        pyramid = self._pyramid(maps, None)
        steps = self._walk(maps, pyramid)
        last, stage = steps[-1], self.stages[-1]
        boxes = clip_boxes_to_images(stage.decode(last.boxes, last.deltas), pyramid.image_sizes)
        return boxes, stage.loss.probabilities(last.scores)

    def walk(self, maps: Sequence[Tensor], batch_img_metas: Sequence[dict]) -> list[Step]:
        """Return inputs and outputs of every stage, first to last."""
        return self._walk(maps, self._pyramid(maps, batch_img_metas))

    def loss(self, x: Sequence[Tensor], batch_data_samples: list) -> dict[str, Tensor]:
        """Return losses of all stages: ``s0.loss_rpn_reg``, ``s1.loss_rpn_cls`` and so on.

        The data samples have ``gt_instances`` and optional ``ignored_instances``.

        Raises:
            ValueError: the head was built without ``train_cfg``.
        """
        pyramid = self._pyramid(x, _metas(batch_data_samples))
        return self._losses(self._walk(x, pyramid), pyramid, batch_data_samples)

    def predict(
        self,
        x: Sequence[Tensor],
        batch_data_samples: list,
        rescale: bool = False,
        stage: int = -1,
    ) -> list[InstanceData]:
        """Return the proposals of each image.

        Args:
            x: maps.
            batch_data_samples: data samples.
            rescale: return boxes in pixels of the original image.
            stage: index of the stage; the last by default. Boxes of a stage without a classifier
                have the scores of the next classifier.

        Returns:
            ``bboxes``, ``scores`` and ``labels`` of each image, best first.

        Raises:
            FloatingPointError: scores or boxes of an image are not finite.
            IndexError: the stage does not exist.
            ValueError: ``test_cfg`` lacks a key.
        """
        metas = _metas(batch_data_samples)
        pyramid = self._pyramid(x, metas)
        candidates = self._candidates(self._walk(x, pyramid), pyramid, self.test_cfg, stage)
        _check_finite(candidates, metas)
        return self._results(candidates, self.test_cfg, metas, rescale)

    def loss_and_predict(
        self,
        x: Sequence[Tensor],
        batch_data_samples: list,
        proposal_cfg: dict[str, Any] | None = None,
    ) -> tuple[dict[str, Tensor], list[InstanceData]]:
        """Return the losses and, from the same forward pass, proposals for the RoI head.

        ``proposal_cfg`` replaces ``test_cfg``. Boxes are in pixels of the input. Proposals with NaN
        or infinity are removed; the losses show them.
        """
        metas = _metas(batch_data_samples)
        cfg = self.test_cfg if proposal_cfg is None else proposal_cfg
        pyramid = self._pyramid(x, metas)
        steps = self._walk(x, pyramid)
        losses = self._losses(steps, pyramid, batch_data_samples)
        with torch.no_grad():
            candidates = self._candidates(steps, pyramid, cfg, -1)
            return losses, self._results(candidates, cfg, metas, rescale=False)

    def _build_stage(
        self, index: int, in_channels: int, feat_channels: int, stage: dict[str, Any]
    ) -> CascadeStage:
        try:
            return CascadeStage(
                in_channels=in_channels,
                feat_channels=feat_channels,
                num_anchors=self.prior_generator.num_base_priors[0],
                center_offset=self.prior_generator.center_offset,
                **stage,
            )
        except (KeyError, TypeError, ValueError) as error:  # KeyError: no such coder or loss
            raise ValueError(f"rpn_head.stages[{index}]: {error}") from error

    def _pyramid(self, maps: Sequence[Tensor], metas: Sequence[dict] | None) -> AnchorPyramid:
        sizes = None if metas is None else [meta["img_shape"][:2] for meta in metas]
        return lay_anchors(self.prior_generator, self.anchor_sizes, maps, sizes)

    def _walk(self, maps: Sequence[Tensor], pyramid: AnchorPyramid) -> list[Step]:
        """Refine the anchors in all stages. Anchors in the padding do not change."""
        boxes, steps = pyramid.anchors, []
        for stage in self.stages:
            if steps:
                last = self.stages[len(steps) - 1]
                moved = last.decode(boxes, steps[-1].deltas.detach())
                moved = clip_boxes_to_images(moved, pyramid.image_sizes)
                boxes = torch.where(pyramid.valid.unsqueeze(-1), moved, boxes)
            output = stage(maps, boxes.split(pyramid.per_level, dim=1), pyramid.levels.strides)
            steps.append(Step(boxes, output.scores, output.deltas))
            if stage.bridged:
                maps = output.maps
        return steps

    def _losses(
        self, steps: list[Step], pyramid: AnchorPyramid, batch_data_samples: list
    ) -> dict[str, Tensor]:
        if not self.rules:
            raise ValueError("the head has no losses without train_cfg.rpn")
        objects, regions = objects_of(batch_data_samples)
        losses = {}
        for index, (stage, rule, step) in enumerate(zip(self.stages, self.rules, steps)):
            samples = rule.samples(step.boxes, pyramid.valid, pyramid.levels, objects, regions)
            scores = None if step.scores is None else step.scores.flatten(0, 1)
            parts = stage.loss(step.boxes.flatten(0, 1), scores, step.deltas.flatten(0, 1), samples)
            losses |= {f"s{index}.{name}": value for name, value in parts.items()}
        return losses

    def _candidates(
        self, steps: list[Step], pyramid: AnchorPyramid, cfg: dict[str, Any], stage: int
    ) -> Candidates:
        check_settings(cfg)
        if not -len(steps) <= stage < len(steps):
            raise IndexError(f"stage={stage} does not exist: the head has {len(steps)} stages")
        stage %= len(steps)
        scoring = next(i for i in range(stage, len(steps)) if steps[i].scores is not None)
        return top_n_of_levels(
            self.stages[scoring].loss.probabilities(steps[scoring].scores.float()),
            steps[stage].boxes,
            steps[stage].deltas,
            pyramid.valid,
            per_level=pyramid.per_level,
            limit=cfg["nms_pre"],
            decode=self.stages[stage].decode,
            image_sizes=pyramid.image_sizes,
        )

    def _results(
        self, candidates: Candidates, cfg: dict[str, Any], metas: Sequence[dict], rescale: bool
    ) -> list[InstanceData]:
        found = filter_proposals(
            candidates,
            suppress=partial(batched_nms, nms_cfg=dict(cfg["nms"])),
            min_bbox_size=cfg.get("min_bbox_size", 0),
            max_per_img=cfg["max_per_img"],
        )
        results = []
        for boxes, meta in zip(found, metas, strict=True):
            result = InstanceData(bboxes=boxes[:, :4], scores=boxes[:, 4])
            result.labels = torch.zeros(len(boxes), dtype=torch.long, device=boxes.device)
            if rescale:
                inverse = [1 / factor for factor in meta["scale_factor"]]
                result.bboxes = scale_boxes(result.bboxes, inverse)
            results.append(result)
        return results


def _metas(batch_data_samples: list) -> list[dict]:
    return [sample.metainfo for sample in batch_data_samples]


def _check_finite(candidates: Candidates, metas: Sequence[dict]) -> None:
    for meta, good in zip(metas, finite_images(candidates).tolist(), strict=True):
        if not good:
            raise FloatingPointError(
                f"rpn_head: scores or boxes of {meta.get('img_path', 'an image')} are not finite. "
                "Check the weights for NaN; the learning rate may have been too high"
            )
