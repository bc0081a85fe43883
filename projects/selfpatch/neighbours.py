"""The neighbours of each patch of a grid, and the most similar of them.

SelfPatch: Yun et al. 2022, "Patch-level Representation Learning for Self-supervised Vision
Transformers", section 3.2.

Letters: B images, H W the grid, N = H W patches, D channels, J neighbours in the window, k chosen.
"""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Neighbours", "neighbours_of", "top_neighbours"]

Neighbours = tuple[Tensor, Tensor]


@functools.lru_cache(maxsize=32)
def neighbours_of(grid: tuple[int, int], *, window: int = 3, wrap: bool = False) -> Neighbours:
    """Return the places of the neighbours of each patch, and which of them exist, [N, J] both.

    J = window^2 - 1, in the order of rows, then columns. A neighbour beyond the border has the
    place 0 and does not exist. Patches are counted in the order of rows.

    Args:
        grid: H and W.
        window: Odd side of the window around a patch.
        wrap: Continue the grid at the opposite border, as the authors' code does; then all
            neighbours exist.

    Raises:
        ValueError: The window is even or below 3, or a wrapped grid is smaller than the window.
    """
    height, width = grid
    if window < 3 or window % 2 == 0:
        raise ValueError(f"window={window} must be an odd number of 3 or more")
    if wrap and min(grid) < window:
        raise ValueError(
            f"a grid of {height} x {width} patches is smaller than the window of {window}: a "
            "wrapped patch would be its own neighbour. Use larger crops, or wrap=False."
        )
    reach = window // 2
    steps = torch.arange(-reach, reach + 1)
    offsets = torch.cartesian_prod(steps, steps)
    offsets = offsets[offsets.abs().sum(dim=1) > 0]  # [J, 2]
    places = torch.cartesian_prod(torch.arange(height), torch.arange(width))  # [N, 2]
    found = places[:, None] + offsets  # [N, J, 2]
    sides = torch.tensor([height, width])
    exists = ((found >= 0) & (found < sides)).all(dim=-1)  # [N, J]
    if wrap:
        found, exists = found % sides, torch.ones_like(exists)
    index = found[..., 0] * width + found[..., 1]  # [N, J]
    return index.where(exists, torch.zeros_like(index)), exists


@torch.no_grad()
def top_neighbours(
    patches: Tensor, grid: tuple[int, int], *, k: int, window: int = 3, wrap: bool = False
) -> Neighbours:
    """Return the places of the k neighbours with the largest cosine, and which exist, [B, N, k].

    Fewer than k exist at a border with fewer neighbours: a corner has 3 of 8, an edge 5.

    Args:
        patches: [B, N, D]
        grid: H and W.
        k: Number of neighbours.
        window: Side of the window around a patch.
        wrap: See :func:`neighbours_of`.

    Raises:
        ValueError: k is not in 1..J, a grid has one patch only, or the grid does not match.
    """
    index, exists = (
        one.to(patches.device) for one in neighbours_of(grid, window=window, wrap=wrap)
    )
    count = index.shape[1]
    if not 1 <= k <= count:
        raise ValueError(f"k={k} must be 1 to {count}, the neighbours in a window of {window}")
    if grid == (1, 1):
        raise ValueError("a grid of one patch has no neighbours; use crops of two patches or more")
    if patches.shape[1] != len(index):
        raise ValueError(f"{patches.shape[1]} patches do not form a grid of {grid[0]} x {grid[1]}")
    unit = F.normalize(patches.float(), dim=-1)
    index = index.expand(len(patches), -1, -1)  # [B, N, J]
    cosines = (unit @ unit.mT).gather(-1, index)  # [B, N, J]
    cosines = cosines.where(exists, cosines.new_tensor(-torch.inf))
    best, order = cosines.topk(k, dim=-1)  # [B, N, k]
    return index.gather(-1, order), best > -torch.inf
