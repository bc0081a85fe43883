"""The losses of one stage, on its sampled boxes.

Source: Vu et al., Cascade RPN (2019): IoU loss on decoded boxes in every stage, cross entropy in
the last. Other losses of MMDetection on boxes or deltas, and on sigmoid or softmax scores, work,
too.

Legend::

    B   boxes of all images, N * L
    P   positive boxes
    Q   negative boxes
    S   scores of a box
"""

from typing import Any, NamedTuple

import torch
from mmdet.models.losses import QualityFocalLoss
from mmdet.registry import MODELS as MMDET_MODELS
from mmdet.structures.bbox import bbox_overlaps
from mmdet.utils import reduce_mean
from torch import Tensor, nn

__all__ = ["Samples", "StageLoss"]

_ANCHORS_PER_UNIT = 200  # from the code of Guided Anchoring and Cascade RPN


class Samples(NamedTuple):
    """The sampled boxes of a stage."""

    positive: Tensor  # [P], indices in range(B)
    objects: Tensor  # [P, 4], the object of each, in pixels
    negative: Tensor  # [Q], indices in range(B)


class StageLoss(nn.Module):
    """Regression and classification loss of a stage.

    Args:
        bbox_coder: built box coder of the stage.
        with_cls: whether there is a classifier.
        loss_bbox: config of a loss of MMDetection.
        loss_cls: the same for the classifier; required if there is one.
        reg_decoded_bbox: whether ``loss_bbox`` compares boxes (IoU losses) or deltas (L1).
        normalizer: divisor of the losses: the number of ``'samples'`` (positive and negative), of
            ``'positives'``, or of all ``'anchors'`` of the batch divided by 200, as published for
            the first stage.
        pos_weight: weight of positives in the classification loss.

    Raises:
        ValueError: a classifier without a loss, a loss without a classifier, an unknown
            normalizer, or an IoU loss with ``reg_decoded_bbox=False``.
    """

    def __init__(
        self,
        bbox_coder: Any,
        *,
        with_cls: bool,
        loss_bbox: dict[str, Any],
        loss_cls: dict[str, Any] | None = None,
        reg_decoded_bbox: bool = True,
        normalizer: str = "samples",
        pos_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if with_cls != (loss_cls is not None):
            raise ValueError(f"with_cls={with_cls}, but loss_cls={loss_cls}: set both or neither")
        if normalizer not in ("samples", "positives", "anchors"):
            raise ValueError(
                f"normalizer must be 'samples', 'positives' or 'anchors', found {normalizer!r}"
            )
        if not reg_decoded_bbox and str(loss_bbox.get("type")).endswith("IoULoss"):
            raise ValueError(
                f"loss_bbox.type={loss_bbox['type']!r} compares boxes: set reg_decoded_bbox=True, "
                "or use a loss of deltas such as SmoothL1Loss"
            )
        self.bbox_coder = bbox_coder
        self.reg_decoded_bbox = reg_decoded_bbox
        self.normalizer = normalizer
        self.pos_weight = pos_weight
        self.loss_bbox = MMDET_MODELS.build(loss_bbox)
        self.loss_cls = MMDET_MODELS.build(loss_cls) if loss_cls else None
        self.num_scores = 1 if getattr(self.loss_cls, "use_sigmoid", True) else 2

    def forward(
        self, boxes: Tensor, scores: Tensor | None, deltas: Tensor, samples: Samples
    ) -> dict[str, Tensor]:
        """Return ``loss_rpn_reg``, and ``loss_rpn_cls`` with a classifier.

        ``boxes`` [B, 4] are the input of the stage, ``scores`` [B, S] logits, ``deltas`` [B, 4].
        The losses have gradients also without any sample.
        """
        deltas = deltas.float()
        norm = self._norm(samples, len(boxes))
        losses = {"loss_rpn_reg": self._regression(boxes, deltas, samples, norm)}
        if scores is not None:
            quality = self._quality(boxes, deltas.detach(), samples)
            losses["loss_rpn_cls"] = self._classification(scores.float(), quality, samples, norm)
        return losses

    def probabilities(self, scores: Tensor) -> Tensor:
        """Return the probability of an object [...] from logits [..., S]."""
        if self.num_scores == 1:
            return scores[..., 0].sigmoid()
        return scores.softmax(-1)[..., 0]

    def _norm(self, samples: Samples, boxes: int) -> Tensor:
        """Divisor of the losses, averaged over ranks, so that two ranks equal one, [].

        Does not synchronise with the device.
        """
        number = {
            "samples": len(samples.positive) + len(samples.negative),
            "positives": len(samples.positive),
            "anchors": boxes / _ANCHORS_PER_UNIT,
        }[self.normalizer]
        count = torch.tensor(float(number), device=samples.positive.device)
        return reduce_mean(count).clamp(min=1.0)

    def _decode(self, boxes: Tensor, deltas: Tensor, chosen: Tensor) -> Tensor:
        return self.bbox_coder.decode(boxes[chosen], deltas[chosen])

    def _regression(self, boxes: Tensor, deltas: Tensor, samples: Samples, norm: Tensor) -> Tensor:
        if len(samples.positive) == 0:
            return deltas.sum() * 0
        if self.reg_decoded_bbox:
            predicted, target = self._decode(boxes, deltas, samples.positive), samples.objects
        else:
            predicted = deltas[samples.positive]
            target = self.bbox_coder.encode(boxes[samples.positive], samples.objects)
        return self.loss_bbox(predicted, target, avg_factor=norm)

    def _quality(self, boxes: Tensor, deltas: Tensor, samples: Samples) -> Tensor | None:
        """IoU of each sample after decoding [P + Q], if the loss needs it."""
        if not isinstance(self.loss_cls, QualityFocalLoss):
            return None
        moved = self._decode(boxes, deltas, samples.positive)
        reached = bbox_overlaps(moved, samples.objects, is_aligned=True)  # [P]
        return torch.cat((reached, reached.new_zeros(len(samples.negative))))

    def _classification(
        self, scores: Tensor, quality: Tensor | None, samples: Samples, norm: Tensor
    ) -> Tensor:
        assert self.loss_cls is not None
        chosen = scores[torch.cat((samples.positive, samples.negative))]  # [P + Q, S]
        if len(chosen) == 0:
            return scores.sum() * 0
        label = torch.ones(len(chosen), dtype=torch.long, device=scores.device)  # 1: background
        label[: len(samples.positive)] = 0
        weight = torch.ones(len(chosen), device=scores.device)
        weight[: len(samples.positive)] = self.pos_weight
        target = label if quality is None else (label, quality)
        return self.loss_cls(chosen, target, weight, avg_factor=norm)
