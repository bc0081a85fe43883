"""Losses on the vectors of two views that several methods share.

Letters: M images, D channels; a and b the two views. Z are vectors of length 1.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["infonce_losses", "unit_vectors"]


def unit_vectors(features: Tensor) -> Tensor:
    """Return rows of length 1, in float32 or float64; a row of zeros stays one.

    Args:
        features: [M, D]

    Raises:
        ValueError: The features are not a matrix.
    """
    if features.ndim != 2:
        raise ValueError(f"expected vectors [M, D], found {tuple(features.shape)}")
    exact = features if features.dtype == torch.float64 else features.float()
    return F.normalize(exact, dim=1)  # [M, D]


def infonce_losses(z_a: Tensor, z_b: Tensor, *, temperature: float) -> Tensor:
    """Return the InfoNCE of each Z_a with its own Z_b against the Z_b of the other images, [M].

    van den Oord et al. 2018, "Representation Learning with Contrastive Predictive Coding",
    equation 4, with cosines over a temperature.

    Args:
        z_a: Z of one view. [M, D]
        z_b: Z of the other. [M, D]
        temperature: tau.
    """
    own = torch.arange(len(z_a), device=z_a.device)
    return F.cross_entropy(z_a @ z_b.T / temperature, own, reduction="none")
