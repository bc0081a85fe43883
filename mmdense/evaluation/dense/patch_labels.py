"""Label maps on the grid of patches, and back.

Letters: B images, C classes, H and W pixels of a map, N = R S patches in R rows and S columns.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["VOID", "majority", "patch_counts", "patch_pixels", "to_shares", "upsampled_classes"]

VOID = 255  # a pixel without a class, or a patch without a labelled pixel


def patch_counts(maps: Tensor, grid: tuple[int, int], *, num_classes: int) -> Tensor:
    """Return how many pixels of each class each patch has.

    Patches tile the map exactly, so resize it first, by the nearest pixel.

    Args:
        maps: Classes from 0 to C - 1, or ``VOID``, which is not counted; integers. [B, H, W]
        grid: R and S; they divide H and W.
        num_classes: C.

    Returns:
        float32, in the order of rows, then columns. [B, N, C]

    Raises:
        ValueError: The grid does not tile the maps, or a class is out of range.
    """
    pixels = patch_pixels(maps, grid).long()  # [B, N, P]
    known = pixels != VOID
    wrong = known & ((pixels < 0) | (pixels >= num_classes))
    if wrong.any():
        raise ValueError(
            f"label maps have class {int(pixels[wrong][0])}, expected 0 to {num_classes - 1}, or "
            f"{VOID} for void"
        )
    counts = torch.zeros(*pixels.shape[:2], num_classes + 1, device=maps.device)  # last: void
    counts.scatter_add_(2, pixels.where(known, num_classes), counts.new_ones(1).expand_as(pixels))
    return counts[..., :num_classes]  # [B, N, C]


def patch_pixels(maps: Tensor, grid: tuple[int, int]) -> Tensor:
    """Return the P pixels of each patch of maps [B, H, W], row by row, [B, N, P].

    Raises:
        ValueError: The grid does not tile the maps.
    """
    (height, width), (rows, columns) = maps.shape[-2:], grid
    if height % rows or width % columns:
        raise ValueError(f"{rows} x {columns} patches do not tile a map of {height} x {width}")
    high, wide = height // rows, width // columns
    cells = maps.reshape(-1, rows, high, columns, wide).transpose(2, 3)  # [B, R, S, high, wide]
    return cells.reshape(len(maps), rows * columns, high * wide)  # [B, N, P]


def to_shares(counts: Tensor) -> Tensor:
    """Return the fraction of each class among the labelled pixels; zeros if there are none.

    Args:
        counts: From :func:`patch_counts`. [..., C]
    """
    return F.normalize(counts, p=1, dim=-1)


def majority(counts: Tensor) -> Tensor:
    """Return the most frequent class of each patch; the lower class of a tie; or ``VOID``.

    Args:
        counts: From :func:`patch_counts`. [..., C]

    Returns:
        int64. [...]
    """
    most = counts.amax(dim=-1, keepdim=True)
    # Count what is before the first largest value: argmax takes any of several equal values.
    first = ((counts == most).cumsum(dim=-1) == 0).sum(dim=-1)
    return first.where(most.squeeze(-1) > 0, VOID)


def upsampled_classes(scores: Tensor, grid: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Return the class with the highest score at each pixel, scores interpolated bilinearly.

    Args:
        scores: Scores of the patches of one image. [N, C]
        grid: R and S.
        size: H and W.

    Returns:
        int64. [H, W]
    """
    planes = scores.T.reshape(1, -1, *grid)  # [1, C, R, S]
    return F.interpolate(planes, size, mode="bilinear").argmax(dim=1)[0]  # [H, W]
