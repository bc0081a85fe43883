"""Centre and residual of unit vectors, and the readings of collapse from them.

    Z = o + r,   o = mean of Z over a batch,   m_o = |o|,   m_r = mean of |r|

A representation has collapsed completely when m_o is 1 and m_r is 0 (Zhang et al. 2022, "How Does
SimSiam Avoid Collapse Without Negative Samples?", section 4.1). The vectors have length 1, so

    m_o^2 + mean of |r|^2 = 1      and      mean cosine of two images = (M m_o^2 - 1) / (M - 1)

Sums over a batch (:class:`Moments`) can be added over processes; ratios cannot.

Letters: M vectors, D channels.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Moments(NamedTuple):
    """Sums over vectors, in float64. Add those of two batches to get those of both.

    Attributes:
        number: M. []
        total: Sum of the vectors. [D]
        squares: Sum of their squares, channel by channel. [D]
    """

    number: Tensor
    total: Tensor
    squares: Tensor


def moments(vectors: Tensor) -> Moments:
    """Return the sums over a batch of vectors, [M, D]."""
    return Moments(
        number=vectors.new_full((), len(vectors), dtype=torch.float64),
        total=vectors.sum(dim=0, dtype=torch.float64),  # [D]
        squares=vectors.square().sum(dim=0, dtype=torch.float64),  # [D]
    )


def centre(sums: Moments) -> Tensor:
    """Return o, the mean vector, [D].

    Its length is m_o for unit vectors: 0 healthy, 1 collapsed; see :func:`centre_floor`.
    """
    return sums.total / sums.number


def residual_norm_sum(vectors: Tensor, centre: Tensor) -> Tensor:
    """Return the sum of the lengths of r, the vectors minus the centre, in float64: M m_r, []."""
    return (vectors - centre.to(vectors.dtype)).norm(dim=1).sum(dtype=torch.float64)


def channel_deviation(sums: Moments) -> Tensor:
    """Return the standard deviation (M - 1) of each channel, averaged over the channels, [].

    1/sqrt(D) for unit vectors that are spread over the sphere, 0 for collapsed ones (Chen and He
    2021, "Exploring Simple Siamese Representation Learning", section 4.1). It does not detect
    redundant channels: vectors on one line, Z = u or -u, also have 1/sqrt(D). The ceiling is
    ``sqrt(mean |r|^2 M / (M - 1) / D)``. NaN for fewer than two vectors.
    """
    mean = centre(sums)
    variance = (sums.squares / sums.number - mean.square()).clamp(min=0.0)  # [D]
    unbiased = variance * sums.number / (sums.number - 1)
    return unbiased.sqrt().mean()


def collapse_level(deviation: float, channels: int) -> float:
    """Return ``max(0, 1 - sqrt(D) deviation)``: 0 healthy, 1 completely collapsed."""
    return max(0.0, 1.0 - math.sqrt(channels) * deviation)


def mean_pairwise_cosine(centre_norm: float, count: int) -> float:
    """Return the mean cosine of two different vectors among ``count`` unit vectors.

    Raises:
        ValueError: Fewer than two vectors.
    """
    if count < 2:
        raise ValueError(f"a mean cosine needs at least two vectors, found {count}")
    return (count * centre_norm**2 - 1.0) / (count - 1.0)


def centre_floor(count: int) -> float:
    """Return m_o of ``count`` independent directions, 1/sqrt(M); lower values have no meaning.

    A BatchNorm without affine weights at the end of the projector keeps m_o low for any
    representation: the batch mean of each view is zero before the vectors are scaled to length 1.
    """
    return 1.0 / math.sqrt(count)
