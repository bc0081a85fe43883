"""Focal loss for sigmoid and softmax classifiers.

Source: Lin et al., Focal Loss for Dense Object Detection (2017), equation 5:
``loss = -alpha_t * (1 - p_t) ** gamma * log(p_t)``, where ``p_t`` is the probability of the target.
Logarithms are computed from logits, not from rounded probabilities, so values and gradients are
finite for any finite logit and ``gamma``.

Legend::

    N, K   samples, classes
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def sigmoid_focal_loss(
    logits: Tensor, target: Tensor, *, gamma: float, alpha: float, weight: Tensor | None = None
) -> Tensor:
    """Return the focal loss of K independent binary classifiers.

    Args:
        logits: [N, K].
        target: [N] int64 class of each sample; any number outside ``range(K)`` is background.
        gamma: focusing parameter; larger values reduce the loss of easy samples.
        alpha: weight of positives; negatives have ``1 - alpha``.
        weight: [K] factor of all losses of a sample of that class; background has 1. An empty
            tensor is the same as ``None``.

    Returns:
        [N, K], not reduced.
    """
    present = target[:, None] == torch.arange(logits.shape[1], device=logits.device)  # [N, K]
    correct = torch.where(present, logits, -logits)  # logit of the target
    share = torch.where(present, alpha, 1 - alpha).to(logits.dtype)
    discount = (gamma * F.logsigmoid(-correct)).exp()  # (1 - p_t) ** gamma
    loss = -share * discount * F.logsigmoid(correct)
    return _weighted(loss, target, weight)


def softmax_focal_loss(
    logits: Tensor, target: Tensor, *, gamma: float, alpha: float, weight: Tensor | None = None
) -> Tensor:
    """Return the focal loss of a softmax over K classes.

    The arguments are those of :func:`sigmoid_focal_loss`, except that ``alpha`` is a factor of all
    losses, and a sample outside ``range(K)`` has no loss. The result is [N], not reduced.
    """
    classes = logits.shape[1]
    counts = (target >= 0) & (target < classes)  # [N]
    log_p = logits.log_softmax(1).gather(1, target.clamp(0, classes - 1)[:, None])[:, 0]  # [N]
    # The clamp keeps the power differentiable if p_t rounds to one.
    miss = (-torch.expm1(log_p)).clamp(min=torch.finfo(logits.dtype).tiny)
    loss = torch.where(counts, -alpha * miss**gamma * log_p, 0)
    return _weighted(loss, target, weight)


def _weighted(loss: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """Losses [N] or [N, K] times the weight of the class of each sample; 1 for background."""
    if weight is None or not weight.numel():
        return loss
    known = (target >= 0) & (target < weight.shape[0])
    factor = torch.where(known, weight[target.clamp(0, weight.shape[0] - 1)], 1)
    return loss * (factor[:, None] if loss.ndim == 2 else factor)
