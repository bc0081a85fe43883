"""How much the feature of a patch depends on its position: a linear probe of row and column.

Positional bias in the sense of Pawlowsky et al. 2026 (arXiv:2603.16840): what a patch shows should
decide its feature, not where it is. The details of their probe were not available, so this one is a
reconstruction. Row and column, from -1 to 1, are fitted by ridge regression
on the patches of a part of the images, and predicted for the others. The measure is R^2, the
fraction of the variance of the position that the prediction explains: 0 for features without
position, 1 for a position that can be read exactly; negative if the probe is worse than the mean
position.

Letters: B images, h x w = N patches, D channels, S rows of a fit.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class PositionScore(NamedTuple):
    """R^2 of the vertical and of the horizontal position."""

    row: float
    column: float


@torch.no_grad()
def probe_position(features: Tensor, grid: tuple[int, int], *, strength: float) -> PositionScore:
    """Return R^2 of the position, predicted for each image by a probe of the other half of them.

    Even and odd images are the two halves, and each is once fitted and once predicted. Needs the
    memory of one image and of three matrices [D, D] in float64.

    Args:
        features: [B, N, D]
        grid: h and w.
        strength: L2 penalty on the weights of standardised features, as a fraction of the number of
            patches.

    Raises:
        ValueError: Shapes do not match, there are fewer than two images or positions, the strength
            is not positive, or a feature is NaN or infinite.
    """
    if features.ndim != 3 or features.shape[1] != grid[0] * grid[1]:
        raise ValueError(
            f"features must be [B, {grid[0]} * {grid[1]}, D], found {tuple(features.shape)}"
        )
    if len(features) < 2 or min(grid) < 2:
        raise ValueError(
            "a probe of the position needs at least two images and two rows and columns of "
            f"patches, found {len(features)} images and a grid of {grid[0]} x {grid[1]}"
        )
    if strength <= 0:
        raise ValueError(f"strength must be positive, found {strength}")
    if not all(image.isfinite().all() for image in features):
        raise ValueError("features contain NaN or infinity")
    positions = _positions(grid).to(features.device)  # [N, 2]
    error = positions.new_zeros(2)
    for even in (0, 1):
        fitted, predicted = features[even::2], features[1 - even :: 2]
        weight, bias = _ridge(fitted, positions, strength)
        for image in predicted:
            error += (image.double() @ weight + bias - positions).square().sum(dim=0)
    total = len(features) * (positions - positions.mean(dim=0)).square().sum(dim=0)  # [2]
    row, column = (1 - error / total).tolist()
    return PositionScore(row, column)


def _positions(grid: tuple[int, int]) -> Tensor:
    """Row and column of each patch, from -1 to 1, [N, 2]."""
    sides = [torch.linspace(-1, 1, n, dtype=torch.float64) for n in grid]
    return torch.cartesian_prod(*sides)  # [N, 2]


def _ridge(features: Tensor, positions: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    """Weights [D, 2] and bias [2] of the ridge regression of positions [N, 2], in float64."""
    count = features.shape[0] * features.shape[1]
    # Image by image: torch would copy all features to float64.
    mean = torch.stack([image.double().mean(dim=0) for image in features]).mean(dim=0)  # [D]
    gram = positions.new_zeros(len(mean), len(mean))
    cross = positions.new_zeros(len(mean), 2)
    for image in features:
        centred = image.double() - mean  # [N, D]
        gram += centred.T @ centred
        cross += centred.T @ positions
    deviation = (gram.diagonal() / count).sqrt()  # [D]
    deviation = torch.where(deviation > 1e-6 * mean.abs() + 1e-12, deviation, torch.inf)
    gram = gram / deviation[:, None] / deviation
    gram.diagonal().add_(strength * count)
    weight = torch.linalg.solve(gram, cross / deviation[:, None]) / deviation[:, None]  # [D, 2]
    return weight, -mean @ weight  # positions have the mean 0
