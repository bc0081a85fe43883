"""Resize weights whose size depends on the image, the patch or the window.

The functions of other packages have other results: MMPretrain resizes without antialiasing, and
timm spreads colour weights over a fourth channel and warps the tables of BEiT.

Legend::

    h, w     rows and columns of patches
    L        rows of a position embedding: tokens with a position, then h * w patches
    C        channels
    D        outputs of a convolution
    p, q     sides of a patch in pixels, before and after
    H        attention heads
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_TOKENS = ("cls_token", "dist_token")  # registers have no positions


class PositionLayout(NamedTuple):
    """The rows of a position embedding."""

    tokens: tuple[str, ...]  # those with a position, in order
    grid: tuple[int, int]  # (h, w)


def position_layout(
    length: int, tokens: Iterable[str], grid: tuple[int, int] | None = None
) -> PositionLayout:
    """Infer the layout of a position embedding of L rows.

    ``tokens`` are the canonical keys of the model. As many tokens have a position as there are rows
    besides the patches. The grid is square unless it is given as (h, w).

    Raises:
        ValueError: No number of tokens leaves such a grid.
    """
    names = [name for name in _TOKENS if name in tokens] or ["cls_token"]  # ViTDet keeps its row
    for number in range(len(names) + 1):
        rest = length - number
        side = math.isqrt(max(rest, 0))
        found = (side, side) if grid is None else grid
        if rest > 0 and rest == found[0] * found[1]:
            return PositionLayout(tuple(names[:number]), found)
    shape = "a square grid" if grid is None else f"a grid of {grid[0]} x {grid[1]}"
    raise ValueError(
        f"pos_embed has {length} rows, which is not {shape} with up to {len(names)} tokens. Pass "
        "the rows and columns of patches that the source was trained with: --grid ROWS COLUMNS, or "
        "grid=(rows, columns) in a config"
    )


def grid_of(backbone: nn.Module) -> tuple[int, int] | None:
    """Return the grid of patches (h, w) of a backbone, if it has such an attribute."""
    patches = getattr(backbone, "patch_embed", None)
    size = getattr(patches, "init_out_size", None) or getattr(patches, "grid_size", None)  # timm
    if size is not None:
        return int(size[0]), int(size[1])
    image, patch = getattr(backbone, "img_size", None), getattr(backbone, "patch_size", None)
    if isinstance(image, Sequence) and isinstance(patch, int):
        return int(image[0]) // patch, int(image[1]) // patch
    return None


def resize_positions(
    table: Tensor, old: PositionLayout, new: PositionLayout
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return a position embedding [1, L, C] in another layout, with zeros for new tokens.

    The second result has the positions [1, 1, C] of tokens without a position in the new layout.
    Add them to the tokens, which is equivalent.
    """
    rows = {name: table[:, i : i + 1] for i, name in enumerate(old.tokens)}  # [1, 1, C] each
    zero = torch.zeros_like(table[:, :1])
    tokens = [rows.pop(name, zero) for name in new.tokens]
    patches = resize_grid(table[:, len(old.tokens) :], old.grid, new.grid)
    return torch.cat((*tokens, patches), dim=1), rows


def resize_grid(positions: Tensor, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """Return positions [1, h * w, C] of a grid (h, w), resized bicubically with antialiasing."""
    if old == new:
        return positions
    grid = positions.mT.unflatten(2, old)  # [1, C, h, w]
    grid = F.interpolate(grid.float(), size=new, mode="bicubic", antialias=True)
    return grid.flatten(2).mT.to(positions.dtype)  # [1, h * w, C]


def resample_patches(weight: Tensor, new: tuple[int, int]) -> Tensor:
    """Return a patch embedding [D, C, p, p] for another patch size (q, q), [D, C, q, q].

    Resized images give the same tokens: least squares over all patches, exact for larger patches.
    Source: Beyer et al., FlexiViT (2023), section 3.4.
    """
    old = (weight.shape[2], weight.shape[3])
    if old == new:
        return weight
    pixels = old[0] * old[1]
    basis = torch.eye(pixels, dtype=torch.float64).view(pixels, 1, *old)
    resized = F.interpolate(basis, size=new, mode="bicubic", antialias=True).flatten(1)  # [pp, qq]
    flat = weight.double().flatten(2) @ torch.linalg.pinv(resized).T  # [D, C, qq]
    return flat.unflatten(2, new).to(weight.dtype)


def adapt_input_channels(weight: Tensor, channels: int) -> Tensor:
    """Return the first convolution [D, C, p, p] with another number of input channels.

    From three channels to one, the output for grey images is that for three equal channels; from
    one to three, the reverse. From three to more, the new channels are zero, so the output for
    colour images does not change.

    Raises:
        ValueError: Other numbers of channels.
    """
    C = weight.shape[1]
    if channels == C:
        return weight
    if channels == 1:
        return weight.sum(1, keepdim=True)
    if C == 1 and channels == 3:
        return weight.expand(-1, 3, -1, -1) / 3
    if C == 3 and channels > 3:
        more = weight.new_zeros(weight.shape[0], channels - 3, *weight.shape[2:])
        return torch.cat((weight, more), dim=1)
    raise ValueError(f"no rule converts {C} input channels to {channels}")


def resize_bias_table(table: Tensor, rows: int) -> Tensor:
    """Return a table of relative positions of square windows with another number of rows.

    The table is [(2 h - 1)^2 + e, H], with e = 3 further rows for the class token in BEiT, or 0.

    Raises:
        ValueError: Either number of rows is not of that form.
    """
    old, extra = _window(table.shape[0])
    new, wanted_extra = _window(rows)
    if extra != wanted_extra:
        raise ValueError(f"{table.shape[0]} and {rows} rows: only one has rows for a class token")
    grid = resize_grid(table[None, : old * old], (old, old), (new, new))[0]
    return torch.cat((grid, table[old * old :]))


def resize_line(table: Tensor, rows: int) -> Tensor:
    """Return linearly resized positions along one axis, [2 h - 1, C] (ViTDet)."""
    line = F.interpolate(table.float().T.unsqueeze(0), size=rows, mode="linear")[0]
    return line.T.to(table.dtype)


def _window(rows: int) -> tuple[int, int]:
    """Side of the table, and its further rows."""
    for extra in (0, 3):
        side = math.isqrt(max(rows - extra, 0))
        if side % 2 == 1 and side * side == rows - extra:
            return side, extra
    raise ValueError(f"{rows} rows are not a table of a square window")
