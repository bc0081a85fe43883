"""Soft-NMS: overlapping boxes lose score in place of being dropped.

Source: Bodla et al., Soft-NMS: Improving Object Detection With One Line of Code (2017), figure 2.
The boxes are taken one by one, always the best of those left, and each taken box changes the scores
of the rest. The order of a step depends on all steps before, so this is a loop over boxes, and each
step works on all boxes left.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mmdense.ops.nms import pairwise_iou

Decay = Callable[[Tensor], Tensor]


def hard_decay(iou_threshold: float) -> Decay:
    """Boxes at or above the IoU threshold lose all their score: plain NMS."""
    return lambda iou: (iou < iou_threshold).to(iou.dtype)


def linear_decay(iou_threshold: float) -> Decay:
    """Boxes at or above the IoU threshold keep ``1 - IoU`` of their score (equation 2)."""
    return lambda iou: torch.where(iou < iou_threshold, 1, 1 - iou)


def gaussian_decay(sigma: float) -> Decay:
    """Every box keeps ``exp(-IoU^2 / sigma)`` of its score (equation 3)."""
    return lambda iou: (-(iou**2) / sigma).exp()


def soft_nms(
    boxes: Tensor, scores: Tensor, decay: Decay, *, min_score: float = 1e-3, offset: int = 0
) -> tuple[Tensor, Tensor]:
    """Rank boxes, lowering the scores of those that overlap better ones.

    Args:
        boxes: [N, 4], ``(x1, y1, x2, y2)``.
        scores: [N].
        decay: from IoU to the share of the score that is left; see the functions above.
        min_score: a box that falls below this score is dropped. The best box always stays.
        offset: 0, or 1 for boxes whose far edge is a pixel that belongs to them.

    Returns:
        Indices of the boxes left, [K] int64, in the order in which they were taken, and their
        scores, [K]. Among equal scores the lower index comes first.
    """
    indices = torch.arange(scores.shape[0], device=scores.device)  # boxes left
    scores = scores.clone()
    taken, taken_scores = [], []
    while indices.numel():
        best = scores.argmax()
        taken.append(indices[best])
        taken_scores.append(scores[best])
        iou = pairwise_iou(boxes[indices[best]][None], boxes[indices], offset=offset)[0]
        scores = scores * decay(iou)
        left = scores >= min_score
        left[best] = False
        indices, scores = indices[left], scores[left]
    if not taken:
        return indices, scores
    return torch.stack(taken), torch.stack(taken_scores)
