"""Labels of patches from label maps.

Letters: B images, C classes, H and W pixels of a map, N = R S patches in R rows and S columns.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["VOID", "majority", "patch_shares"]

VOID = 255  # a pixel without a class, or a patch without a labelled pixel


def patch_shares(maps: Tensor, grid: tuple[int, int], *, num_classes: int) -> Tensor:
    """Return the share of each class among the labelled pixels of each patch.

    Patches tile the map exactly, so resize it first, by the nearest pixel.

    Args:
        maps: Classes from 0 to C - 1, or ``VOID``; integers. [B, H, W]
        grid: R and S; they divide H and W.
        num_classes: C.

    Returns:
        Rows of float32 that sum to one; zeros where all pixels are void. In the order of rows, then
        columns. [B, N, C]

    Raises:
        ValueError: The grid does not tile the maps, or a class is out of range.
    """
    (height, width), (rows, columns) = maps.shape[-2:], grid
    if height % rows or width % columns:
        raise ValueError(f"{rows} x {columns} patches do not tile a map of {height} x {width}")
    high, wide = height // rows, width // columns
    cells = maps.reshape(-1, rows, high, columns, wide).transpose(2, 3)  # [B, R, S, high, wide]
    cells = cells.reshape(len(maps), rows * columns, high * wide).long()  # [B, N, pixels]
    known = cells != VOID
    wrong = known & ((cells < 0) | (cells >= num_classes))
    if wrong.any():
        raise ValueError(
            f"label maps have class {int(cells[wrong][0])}, expected 0 to {num_classes - 1} or "
            f"{VOID} for void"
        )
    counts = torch.zeros(len(maps), rows * columns, num_classes + 1, device=maps.device)
    counts.scatter_add_(
        2, cells.where(known, num_classes), torch.ones_like(cells, dtype=counts.dtype)
    )
    return F.normalize(counts[..., :num_classes], p=1, dim=2)  # [B, N, C]


def majority(shares: Tensor) -> Tensor:
    """Return the most frequent class of each patch; the lower class of a tie; or ``VOID``.

    Args:
        shares: From :func:`patch_shares`. [..., C]

    Returns:
        int64. [...]
    """
    # The first largest value: argmax of torch does not define which one of equal values it returns.
    classes = (shares == shares.amax(dim=-1, keepdim=True)).byte().argmax(dim=-1)
    return classes.where(shares.amax(dim=-1) > 0, VOID)
