"""Tables of positions of vision transformers: their grid, their tokens, and their fit to another.

Legend::

    G      tokens in front of the patches that have a position
    h, w   patches of a picture, rows and columns
    L      rows of a table, G + h * w
    C      channels
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmdense.transfer.resize import resize_grid, square

_TOKENS = ("cls_token", "dist_token")  # registers have no positions


class PositionTable(NamedTuple):
    """The layout of a table.

    Attributes:
        tokens: names of the tokens in front that have a position, in order.
        grid: (h, w).
    """

    tokens: tuple[str, ...]
    grid: tuple[int, int]


def position_table(
    length: int, tokens: Sequence[str], grid: tuple[int, int] | None = None
) -> PositionTable:
    """Infer the layout of a table.

    Args:
        length: L.
        tokens: canonical names of the tokens that the model has; those in front have positions,
            as many as there are rows beside the patches.
        grid: (h, w) if known; otherwise the patches are those of a square picture.

    Raises:
        ValueError: no number of tokens leaves such a grid.
    """
    names = [name for name in _TOKENS if name in tokens] or ["cls_token"]  # ViTDet keeps its row
    for number in range(len(names) + 1):
        rest = length - number
        if grid is not None and rest == grid[0] * grid[1]:
            return PositionTable(tuple(names[:number]), grid)
        side = square(rest)
        if grid is None and side:
            return PositionTable(tuple(names[:number]), (side, side))
    shape = "a square grid" if grid is None else f"a grid of {grid[0]} x {grid[1]}"
    raise ValueError(
        f"pos_embed has {length} rows, which is not {shape} with up to {len(names)} tokens; give "
        "the rows and columns of patches that the source was trained with: --grid ROWS COLUMNS, or "
        "grid=(rows, columns) in a config"
    )


def grid_of(backbone: nn.Module) -> tuple[int, int] | None:
    """The grid of patches that a backbone was built for, where it tells."""
    patches = getattr(backbone, "patch_embed", None)
    size = getattr(patches, "init_out_size", None) or getattr(patches, "grid_size", None)  # timm
    if size is not None:
        return int(size[0]), int(size[1])
    picture, patch = getattr(backbone, "img_size", None), getattr(backbone, "patch_size", None)
    if isinstance(picture, Sequence) and isinstance(patch, int):
        return int(picture[0]) // patch, int(picture[1]) // patch
    return None


def fit_positions(table: Tensor, old: PositionTable, new: PositionTable) -> tuple[Tensor, dict]:
    """Bring a table to another layout.

    Args:
        table: [1, L, C].
        old: its layout.
        new: the layout that is wanted.

    Returns:
        The table [1, L, C] of the new layout, where a token without a position had zeros added,
        and positions [1, 1, C] by the name of their token that have no row in it, to be added to
        the token itself, which is the same.
    """
    number = len(old.tokens)
    rows = {name: table[:, i : i + 1] for i, name in enumerate(old.tokens)}  # [1, 1, C] each
    zero = torch.zeros_like(table[:, :1])
    front = [rows.pop(name, zero) for name in new.tokens]
    patches = resize_grid(table[:, number:], old.grid, new.grid)
    return torch.cat((*front, patches), dim=1), rows
