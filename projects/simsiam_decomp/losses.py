"""Losses on the vectors of two views.

Letters: M images, D channels; a and b the two views. Upper-case Z, P are vectors of length 1,
lower-case z, p are not normalised; sg stops the gradient.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmdense.ssl.losses import unit_vectors


def cosine_distances(predictions: Tensor, targets: Tensor) -> Tensor:
    """Return the negative cosine of each prediction and its target, [M]; -1 if they agree.

    The loss of SimSiam (Chen and He 2021, equation 1) without its mean. The caller detaches the
    targets.

    Args:
        predictions: Not normalised. [M, D]
        targets: Not normalised. [M, D]

    Raises:
        ValueError: The shapes differ.
    """
    if predictions.shape != targets.shape:
        raise ValueError(
            f"views have different shapes: {tuple(predictions.shape)} and {tuple(targets.shape)}"
        )
    return -(unit_vectors(predictions) * unit_vectors(targets)).sum(dim=1)  # [M]


def centre_loss(vectors: Tensor) -> Tensor:
    """Return half the squared length of the centre of the batch, [].

    Its gradient is that of the mean of ``Z . sg(o)``: each vector is pushed away from the centre.

    Args:
        vectors: Z. [M, D]
    """
    return 0.5 * vectors.mean(dim=0).square().sum()


def dual_temperature_losses(
    z_a: Tensor, z_b: Tensor, *, temperature: float, inter_temperature: float
) -> Tensor:
    """Return InfoNCE with different temperatures within an image and between images, [M].

    With P the softmax probability of the positive, it is
    ``sg[(1 - P(inter)) / (1 - P(intra))] (-log P(intra))`` (Zhang et al. 2022, "Dual Temperature
    Helps Contrastive Learning Without Many Negative Samples: Towards Understanding and Simplifying
    MoCo", section 4, with temperatures of 0.1 and 1).

    Args:
        z_a: Z of one view. [M, D]
        z_b: Z of the other. [M, D]
        temperature: Of the softmax for the weights of negatives of an image.
        inter_temperature: Of the softmax for the weights of images.
    """
    similarities = z_a @ z_b.T  # [M, M]
    own = torch.arange(len(z_a), device=z_a.device)
    losses = F.cross_entropy(similarities / temperature, own, reduction="none")  # [M]
    with torch.no_grad():
        # 1 - exp(-loss), accurate for probabilities near one.
        within = -torch.expm1(-losses)
        between = F.cross_entropy(similarities / inter_temperature, own, reduction="none")
        weights = -torch.expm1(-between) / within.clamp(min=torch.finfo(within.dtype).tiny)
        # Without weight on negatives the gradient of InfoNCE is zero.
        weights = torch.where(within > 0, weights, 0.0)
    return weights * losses


def variance_loss(vectors: Tensor, *, target: float = 1.0) -> Tensor:
    """Return the hinge loss of the standard deviation below ``target``, averaged over channels, [].

    VICReg (Bardes et al. 2022), equation 1; 1e-4 is added to the variance.

    Args:
        vectors: z, not normalised. [M, D]
        target: gamma.

    Raises:
        ValueError: Fewer than two vectors.
    """
    if len(vectors) < 2:
        raise ValueError(
            f"statistics of a batch need at least two images, found {len(vectors)}. Increase "
            "train_dataloader.batch_size, or set train_dataloader.drop_last=True if the last batch "
            "is too small"
        )
    return F.relu(target - (vectors.var(dim=0) + 1e-4).sqrt()).mean()
