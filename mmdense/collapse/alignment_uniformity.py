"""Alignment of two views and uniformity on the sphere.

Wang and Isola 2020, "Understanding Contrastive Representation Learning through Alignment and
Uniformity on the Hypersphere", section 4.1.

Letters: M images, D channels; a and b the two views, all vectors of length 1.
"""

import math

import torch
from torch import Tensor

__all__ = ["alignment", "uniformity"]


def alignment(z_a: Tensor, z_b: Tensor, *, alpha: float = 2.0) -> Tensor:
    """Return the mean of ``|Z_a - Z_b|^alpha``: 0 for equal views, 2 for unrelated ones, [].

    Raises:
        ValueError: The shapes differ.
    """
    if z_a.shape != z_b.shape:
        raise ValueError(f"views have different shapes: {tuple(z_a.shape)} and {tuple(z_b.shape)}")
    return (z_a - z_b).norm(dim=1).pow(alpha).mean()


def uniformity(vectors: Tensor, *, t: float = 2.0) -> Tensor:
    """Return the log of the mean of ``exp(-t |Z_i - Z_j|^2)`` over pairs of images, [].

    0 for collapsed vectors, near ``-2 t`` if they are spread over a sphere of many dimensions.

    Args:
        vectors: [M, D]
        t: Width of the kernel; 2 in the paper.

    Raises:
        ValueError: Fewer than two vectors.
    """
    count = len(vectors)
    if count < 2:
        raise ValueError(f"uniformity needs at least two vectors, found {count}")
    norms = vectors.square().sum(dim=1)  # [M]
    distances = norms[:, None] + norms[None, :] - 2.0 * vectors @ vectors.T  # [M, M]
    above = torch.triu_indices(count, count, offset=1, device=vectors.device)  # [2, pairs]
    pairs = distances[above[0], above[1]]  # [M (M - 1) / 2]
    return torch.logsumexp(-t * pairs, dim=0) - math.log(len(pairs))
