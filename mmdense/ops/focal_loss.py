"""Focal loss for sigmoid and softmax classifiers.

Source: Lin et al., Focal Loss for Dense Object Detection (2017), equation 5:
``loss = -alpha_t * (1 - p_t) ** gamma * log(p_t)``, where ``p_t`` is the probability that the
classifier gives to the truth. Logarithms are taken of logits, never of rounded probabilities, so
that values and gradients stay finite for any finite logit and ``gamma``.

Legend::

    N, K   samples, classes
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def sigmoid_focal_loss(
    logits: Tensor, target: Tensor, *, gamma: float, alpha: float, weight: Tensor | None = None
) -> Tensor:
    """Focal loss of K independent yes-or-no questions.

    Args:
        logits: [N, K].
        target: [N] int64 class of each sample; any number outside ``range(K)`` is background.
        gamma: how much easy answers are discounted.
        alpha: share of the classes that are present; absent ones weigh ``1 - alpha``.
        weight: [K] factor of all answers about a sample of that class; background has 1.

    Returns:
        [N, K], not reduced.
    """
    present = target[:, None] == torch.arange(logits.shape[1], device=logits.device)  # [N, K]
    correct = torch.where(present, logits, -logits)  # logit of the right answer
    share = torch.where(present, alpha, 1 - alpha).to(logits.dtype)
    discount = (gamma * F.logsigmoid(-correct)).exp()  # (1 - p_t) ** gamma
    loss = -share * discount * F.logsigmoid(correct)
    return loss if weight is None else loss * _weight_of(target, weight)[:, None]


def softmax_focal_loss(
    logits: Tensor, target: Tensor, *, gamma: float, alpha: float, weight: Tensor | None = None
) -> Tensor:
    """Focal loss of one choice among K classes.

    Args:
        logits: [N, K].
        target: [N] int64 class of each sample; a sample outside ``range(K)`` has no loss.
        gamma: how much easy answers are discounted.
        alpha: factor of all losses.
        weight: [K] factor of the samples of each class.

    Returns:
        [N], not reduced.
    """
    classes = logits.shape[1]
    counts = (target >= 0) & (target < classes)  # [N]
    log_p = logits.log_softmax(1).gather(1, target.clamp(0, classes - 1)[:, None])[:, 0]  # [N]
    # The floor keeps the power differentiable where p_t rounds to one.
    miss = (-torch.expm1(log_p)).clamp(min=torch.finfo(logits.dtype).tiny)
    loss = torch.where(counts, -alpha * miss**gamma * log_p, 0)
    return loss if weight is None else loss * _weight_of(target, weight)


def _weight_of(target: Tensor, weight: Tensor) -> Tensor:
    """Weight of each sample's class, 1 outside the classes, [N]."""
    known = (target >= 0) & (target < weight.shape[0])
    return torch.where(known, weight[target.clamp(0, weight.shape[0] - 1)], 1)
