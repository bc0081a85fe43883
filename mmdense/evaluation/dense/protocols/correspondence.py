"""Correspondence of patches under known warps: PCK without labels.

Each image is warped by a random affine and perspective map. A patch of the image corresponds to the
patch of the warped image with the largest cosine similarity. It is correct if that patch is near
the true place. PCK ("percentage of correct keypoints", Yang and Ramanan 2013) at alpha is the
fraction of patches whose match is at most alpha sides of the image away from it.

Coordinates are x, y from -1 to 1 between the outer edges of the image, as in ``grid_sample`` with
``align_corners=False``. A patch is matched from centre to centre, so on a grid of 14 x 14 even a
perfect match can be 0.05 of a side away.

Letters: B images, H x W pixels, h x w = N patches, D channels, M a warp.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

_SIMILARITIES = 2**24  # cosines at a time: 64 MiB in float32


@dataclass(frozen=True)
class Warps:
    """Ranges of the random warps; each parameter is uniform between minus and plus its limit.

    Attributes:
        rotation: Degrees.
        scale: log2 of the magnification.
        shear: Tangent of the angle, horizontally.
        shift: In halves of a side.
        perspective: Change of the depth from the centre to an edge; below 0.5.

    Raises:
        ValueError: A limit is negative, or the perspective is too strong for a finite image.
    """

    rotation: float = 30.0
    scale: float = 0.5
    shear: float = 0.2
    shift: float = 0.2
    perspective: float = 0.2

    def __post_init__(self) -> None:
        limits = (self.rotation, self.scale, self.shear, self.shift, self.perspective)
        if min(limits) < 0 or self.perspective >= 0.5:
            raise ValueError(f"limits must not be negative, and perspective below 0.5: {self}")


class Matches(NamedTuple):
    """Result of matching.

    Attributes:
        distances: From the match of each patch to its true place, in sides of the image. [B, N]
        visible: Whether the true place is in the warped image. [B, N]
    """

    distances: Tensor
    visible: Tensor

    def correct(self, alpha: float) -> Tensor:
        """Return the number of visible patches of each image within ``alpha``, [B]."""
        return ((self.distances <= alpha) & self.visible).sum(dim=1)


def random_warps(places: Sequence[int], limits: Warps, *, seed: int) -> Tensor:
    """Return a warp for each image, from coordinates of the image to those of the warped image.

    It is a perspective map after a shift, after a rotation, a scale and a shear about the centre.

    The warp depends on the seed and the place of the image alone, not on the batch.

    Args:
        places: Index of each image in the data set.
        limits: Ranges of the parameters.
        seed: Seed of the warps.

    Returns:
        Homographies. float64 [B, 3, 3]
    """
    warps = []
    for place in places:
        stream = random.Random(f"{seed}/{place}")
        warps.append(_warp([stream.uniform(-1, 1) for _ in range(7)], limits))
    return torch.stack(warps)  # [B, 3, 3]


def warp_images(images: Tensor, warps: Tensor) -> Tensor:
    """Return warped images; places outside the image are 0.

    Args:
        images: [B, C, H, W]
        warps: [B, 3, 3]

    Returns:
        Bilinear samples. [B, C, H, W]
    """
    height, width = images.shape[2:]
    centres = patch_centres((height, width)).to(images.device)  # [H W, 2]
    places = apply_warps(torch.linalg.inv(warps), centres)  # [B, H W, 2]
    sampling = places.unflatten(1, (height, width)).to(images)  # [B, H, W, 2]
    return F.grid_sample(images, sampling, padding_mode="zeros", align_corners=False)


def patch_centres(grid: tuple[int, int]) -> Tensor:
    """Return the x, y of the centres of a grid of patches, row by row, float64 [N, 2]."""
    rows, columns = ((2 * torch.arange(n, dtype=torch.float64) + 1) / n - 1 for n in grid)
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([x, y], dim=-1).flatten(0, 1)  # [N, 2]


def apply_warps(warps: Tensor, points: Tensor) -> Tensor:
    """Return points [N, 2] under each warp, [B, N, 2], in the dtype of the warps."""
    points = F.pad(points.to(warps), (0, 1), value=1.0)  # [N, 3]
    moved = points @ warps.transpose(1, 2)  # [B, N, 3]
    return moved[..., :2] / moved[..., 2:]  # [B, N, 2]


@torch.no_grad()
def match_patches(
    features: Tensor, warped: Tensor, warps: Tensor, grid: tuple[int, int]
) -> Matches:
    """Match each patch of square images with its most similar patch of the warped images.

    Among equally similar patches the first is the match. Needs 64 MiB for similarities, or the
    memory of one image's.

    Args:
        features: Of the images. [B, N, D]
        warped: Of the warped images. [B, N, D]
        warps: [B, 3, 3]
        grid: h and w.

    Raises:
        ValueError: Shapes do not match, or a feature is NaN or infinite.
    """
    if features.shape != warped.shape or features.shape[1] != grid[0] * grid[1]:
        raise ValueError(
            f"features of images and warped images must both be [B, {grid[0]} * {grid[1]}, D], "
            f"found {tuple(features.shape)} and {tuple(warped.shape)}"
        )
    if not (features.isfinite().all() and warped.isfinite().all()):
        raise ValueError("features contain NaN or infinity")
    chunk = max(1, _SIMILARITIES // features.shape[1] ** 2)
    pairs = zip(F.normalize(features, dim=2).split(chunk), F.normalize(warped, dim=2).split(chunk))
    best = torch.cat([(a @ b.transpose(1, 2)).max(dim=2).indices for a, b in pairs])  # [B, N]
    centres = patch_centres(grid).to(best.device)  # [N, 2]
    true = apply_warps(warps.to(best.device), centres)  # [B, N, 2]
    visible = (true.abs() <= 1).all(dim=2)  # [B, N]
    return Matches((centres[best] - true).norm(dim=2) / 2, visible)


def _warp(draws: list[float], limits: Warps) -> Tensor:
    """Homography of seven numbers from -1 to 1, [3, 3]."""
    angle = math.radians(draws[0] * limits.rotation)
    cos, sin = math.cos(angle), math.sin(angle)
    scale, shear = 2 ** (draws[1] * limits.scale), draws[2] * limits.shear
    shift = [draw * limits.shift for draw in draws[3:5]]
    tilt = [draw * limits.perspective for draw in draws[5:]]
    kind = torch.float64
    turned = torch.tensor([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], dtype=kind)
    scaled = torch.tensor([[scale, scale * shear, 0], [0, scale, 0], [0, 0, 1]], dtype=kind)
    shifted = torch.tensor([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1]], dtype=kind)
    tilted = torch.tensor([[1, 0, 0], [0, 1, 0], [*tilt, 1]], dtype=kind)
    return tilted @ shifted @ turned @ scaled
