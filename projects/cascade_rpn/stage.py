"""One stage of Cascade RPN: a convolution that adapts to boxes, their deltas and their scores.

Source: Vu et al., Cascade RPN (2019), figure of the two stages: H1 with A1, H2 with C2 and A2.

Legend::

    N, C, H, W   images, channels, height and width of a level
    A            boxes at each cell
    L            boxes of all levels, finest first, cells row by row, boxes of a cell adjacent
    S            scores of a box: 1 with a sigmoid, 2 with a softmax (object, background)
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from mmdet.registry import TASK_UTILS as MMDET_TASK_UTILS
from mmengine.model import BaseModule
from torch import Tensor, nn

from projects.cascade_rpn.adaptive_conv import build_adaptation
from projects.cascade_rpn.stage_loss import StageLoss

__all__ = ["CascadeStage", "StageOutput"]


class StageOutput(NamedTuple):
    """Output of a stage."""

    maps: list[Tensor]  # [N, C, H, W] for each level, features after the convolution
    scores: Tensor | None  # [N, L, S] logits, or None without a classifier
    deltas: Tensor  # [N, L, 4] in the coding of the stage


class CascadeStage(BaseModule):
    """The layers of a stage, its box coding and its losses.

    Args:
        in_channels: channels of the maps.
        feat_channels: C.
        num_anchors: A.
        center_offset: of the anchor generator.
        adapt: kind of convolution, see
            :func:`~projects.cascade_rpn.adaptive_conv.build_adaptation`.
        with_cls: whether the stage has a classifier.
        bridged: whether the next stage uses the features of this one instead of the pyramid.
        bbox_coder: config of a box coder of MMDetection.
        loss: arguments of :class:`~projects.cascade_rpn.stage_loss.StageLoss`.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        feat_channels: int,
        num_anchors: int,
        center_offset: float,
        adapt: dict[str, Any],
        with_cls: bool,
        bridged: bool,
        bbox_coder: dict[str, Any],
        **loss: Any,
    ) -> None:
        super().__init__()
        self.bridged = bridged
        self.bbox_coder = MMDET_TASK_UTILS.build(bbox_coder)
        self.loss = StageLoss(self.bbox_coder, with_cls=with_cls, **loss)
        conv = build_adaptation(
            adapt,
            in_channels=in_channels,
            out_channels=feat_channels,
            deform_groups=num_anchors,
            center_offset=center_offset,
        )
        # Names of the weights in the checkpoints of MMDetection.
        self.rpn_conv = nn.ModuleDict({"conv": conv})
        self.rpn_reg = nn.Conv2d(feat_channels, num_anchors * 4, 1)
        self.rpn_cls = None
        if with_cls:
            self.rpn_cls = nn.Conv2d(feat_channels, num_anchors * self.loss.num_scores, 1)

    def init_weights(self) -> None:
        """Initialise weights from N(0, 0.01^2), biases and learned offsets with zeros."""
        for name, parameter in self.named_parameters():
            if parameter.ndim == 1 or "offset" in name:
                nn.init.zeros_(parameter)
            else:
                nn.init.normal_(parameter, std=0.01)

    def forward(
        self,
        maps: Sequence[Tensor],
        boxes: Sequence[Tensor],
        strides: Sequence[tuple[float, float]],
    ) -> StageOutput:
        """Return features, scores and deltas of the boxes [N, H * W * A, 4] of every level."""
        relu = torch.relu if torch.is_grad_enabled() else torch.relu_
        maps = [relu(level) for level in self.rpn_conv["conv"](maps, boxes, strides)]
        deltas = _by_box([self.rpn_reg(level) for level in maps], 4)  # [N, L, 4]
        scores = None
        if self.rpn_cls is not None:
            levels = [self.rpn_cls(level) for level in maps]
            scores = _by_box(levels, self.loss.num_scores)  # [N, L, S]
        return StageOutput(maps, scores, deltas)

    def decode(self, boxes: Tensor, deltas: Tensor) -> Tensor:
        """Return boxes [..., 4] after deltas [..., 4], in float32."""
        moved = self.bbox_coder.decode(boxes.reshape(-1, 4), deltas.reshape(-1, 4).to(boxes.dtype))
        return moved.view(boxes.shape)


def _by_box(levels: Sequence[Tensor], size: int) -> Tensor:
    """From [N, A * size, H, W] of each level to [N, L, size]."""
    parts = [
        level.permute(0, 2, 3, 1).reshape(level.shape[0], -1, size)  # [N, H * W * A, size]
        for level in levels
    ]
    return torch.cat(parts, dim=1)
