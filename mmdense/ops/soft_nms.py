"""Soft-NMS: reduce the scores of overlapping boxes instead of removing them.

Source: Bodla et al., Soft-NMS: Improving Object Detection With One Line of Code (2017), figure 2.
Each step selects the best of the remaining boxes and reduces the scores of the others. A step
depends on all steps before, so this is a loop over boxes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mmdense.ops.nms import pairwise_iou

Decay = Callable[[Tensor], Tensor]


def hard_decay(iou_threshold: float) -> Decay:
    """Boxes at or above the IoU threshold get a score of zero: plain NMS."""
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
    """Return boxes in the order of their scores, reduced by the overlap with better boxes.

    Args:
        boxes: [N, 4], ``(x1, y1, x2, y2)``.
        scores: [N].
        decay: from IoU to the factor of the score; see the functions above.
        min_score: boxes below this score are removed. The best box is always kept.
        offset: added to widths and heights; 1 if x2 and y2 are inside the box, else 0.

    Returns:
        Indices of the kept boxes, [K] int64, in the order of selection, and their scores, [K].
        For equal scores the lower index comes first.
    """
    indices = torch.arange(scores.shape[0], device=scores.device)  # remaining boxes
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
