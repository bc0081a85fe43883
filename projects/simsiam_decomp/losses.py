"""Losses on the vectors of two views.

Letters: M images, D channels; a and b the two views. Capitals (Z, P) are vectors of length 1, small
letters (z, p) of any length; sg stops the gradient.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmdense.ssl.losses import unit_vectors

__all__ = [
    "centre_loss",
    "cosine_distances",
    "dual_temperature_losses",
    "variance_loss",
]


def cosine_distances(predictions: Tensor, targets: Tensor) -> Tensor:
    """Minus the cosine of each prediction and its target, [M]; -1 where they agree.

    The loss of SimSiam (Chen and He 2021, equation 1) before its mean. Who stops gradients is the
    caller's choice.

    Args:
        predictions: Of any length. [M, D]
        targets: Of any length. [M, D]

    Raises:
        ValueError: The two do not pair.
    """
    if predictions.shape != targets.shape:
        raise ValueError(
            f"views do not pair: {tuple(predictions.shape)} and {tuple(targets.shape)}"
        )
    return -(unit_vectors(predictions) * unit_vectors(targets)).sum(dim=1)  # [M]


def centre_loss(vectors: Tensor) -> Tensor:
    """Half the squared length of the batch's centre, [].

    Its gradient is that of the mean of ``Z . sg(o)``: it pushes each vector against the centre.

    Args:
        vectors: Z. [M, D]
    """
    return 0.5 * vectors.mean(dim=0).square().sum()


def dual_temperature_losses(
    z_a: Tensor, z_b: Tensor, *, temperature: float, inter_temperature: float
) -> Tensor:
    """InfoNCE whose weights within an image and between images have a temperature each, [M].

    With P the share of the own view it is ``sg[(1 - P(inter)) / (1 - P(intra))] (-log P(intra))``
    (Zhang et al. 2022, "Dual Temperature Helps Contrastive Learning Without Many Negative Samples:
    Towards Understanding and Simplifying MoCo", section 4; temperatures of 0.1 and 1 there).

    Args:
        z_a: Z of one view. [M, D]
        z_b: Z of the other. [M, D]
        temperature: Of the softmax that weighs the negatives of one image.
        inter_temperature: Of the softmax that weighs images against each other.
    """
    similarities = z_a @ z_b.T  # [M, M]
    own = torch.arange(len(z_a), device=z_a.device)
    losses = F.cross_entropy(similarities / temperature, own, reduction="none")  # [M]
    with torch.no_grad():
        # 1 - exp(-loss), exact where the share is near one.
        within = -torch.expm1(-losses)
        between = F.cross_entropy(similarities / inter_temperature, own, reduction="none")
        weights = -torch.expm1(-between) / within.clamp(min=torch.finfo(within.dtype).tiny)
        # No negatives left to weigh: InfoNCE's gradient is zero, and so is this one's.
        weights = torch.where(within > 0, weights, 0.0)
    return weights * losses


def variance_loss(vectors: Tensor, *, target: float = 1.0) -> Tensor:
    """Mean over the channels of how far the standard deviation falls short of ``target``, [].

    VICReg (Bardes et al. 2022), equation 1; 1e-4 is added to the variance. Not scaled to length 1.

    Args:
        vectors: z. [M, D]
        target: gamma.

    Raises:
        ValueError: Fewer than two vectors.
    """
    _needs_two(vectors)
    return F.relu(target - (vectors.var(dim=0) + 1e-4).sqrt()).mean()


def _needs_two(vectors: Tensor) -> None:
    if len(vectors) < 2:
        raise ValueError(
            f"statistics of a batch need two images or more, found {len(vectors)}; raise "
            "train_dataloader.batch_size, or set drop_last=True there where the last batch is the "
            "short one"
        )
