"""Weights that depend on the size of the picture, the patch or the window, brought to another size.

Legend::

    G        tokens in front of the patches (class, distillation, register)
    h, w     patches of a picture, rows and columns
    C        channels
    D        outputs of a convolution
    p, q     sides of a patch in pixels, before and after
    H        heads
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def resize_grid(positions: Tensor, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """Resize a table of positions bicubically, smoothed where it shrinks.

    Args:
        positions: [1, h * w, C], row by row.
        old: (h, w).
        new: (h, w) wanted.

    Returns:
        [1, h * w, C] of the new size.
    """
    if old == new:
        return positions
    grid = positions.unflatten(1, old).permute(0, 3, 1, 2)  # [1, C, h, w]
    grid = F.interpolate(grid.float(), size=new, mode="bicubic", antialias=True)
    return grid.flatten(2).transpose(1, 2).to(positions.dtype)  # [1, h * w, C]


def resample_patches(weight: Tensor, new: tuple[int, int]) -> Tensor:
    """Bring a patch embedding to another patch size, so that resized pictures give equal tokens.

    The weights whose products with resized patches are nearest to those with the patches
    themselves, in the least-squares sense. Exact where patches grow.
    Source: Beyer et al., FlexiViT (2023), section 3.4.

    Args:
        weight: [D, C, p, p].
        new: (q, q) wanted.

    Returns:
        [D, C, q, q].
    """
    old = (weight.shape[2], weight.shape[3])
    if old == new:
        return weight
    pixels = old[0] * old[1]
    basis = torch.eye(pixels, dtype=torch.float64).view(pixels, 1, *old)
    resized = F.interpolate(basis, size=new, mode="bicubic", antialias=True).flatten(1)  # [pp, qq]
    back = torch.linalg.pinv(resized)  # [qq, pp]
    flat = weight.double().flatten(2) @ back.T  # [D, C, qq]
    return flat.unflatten(2, new).to(weight.dtype)


def adapt_input_channels(weight: Tensor, channels: int) -> Tensor:
    """Let a first convolution see another number of input channels.

    From three to one, grey pictures give what they gave as three equal channels; from one to three
    the other way round. From three to more, the further channels start at zero, so pictures in
    colour give what they gave.

    Args:
        weight: [D, C, p, p].
        channels: wanted.

    Raises:
        ValueError: neither 1 nor 3 channels are there, or fewer than 3 but not 1 are wanted.
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
    raise ValueError(f"no rule brings {C} input channels to {channels}")


def resize_bias_table(table: Tensor, rows: int) -> Tensor:
    """Resize a table of relative positions of square windows, each head by itself.

    Args:
        table: [(2 h - 1)^2 + e, H], with e = 3 further rows for the class token in BEiT, or 0.
        rows: wanted, of the same form.

    Raises:
        ValueError: either number of rows is not of that form.
    """
    old, extra = _window(table.shape[0])
    new, extra_wanted = _window(rows)
    if extra != extra_wanted:
        raise ValueError(
            f"{table.shape[0]} rows have {extra} of a class token, {rows} another number"
        )
    grid = table[: old * old].T.unflatten(1, (old, old)).unsqueeze(0)  # [1, H, 2h - 1, 2h - 1]
    grid = F.interpolate(grid.float(), size=(new, new), mode="bicubic", antialias=True)[0]
    return torch.cat((grid.flatten(1).T.to(table.dtype), table[old * old :]))


def resize_line(table: Tensor, rows: int) -> Tensor:
    """Resize positions along one axis, [2 h - 1, C], linearly (ViTDet)."""
    line = F.interpolate(table.float().T.unsqueeze(0), size=rows, mode="linear")[0]
    return line.T.to(table.dtype)


def square(number: int) -> int | None:
    """The side of a square of so many cells, if there is one."""
    side = round(number**0.5)
    return side if side * side == number else None


def _window(rows: int) -> tuple[int, int]:
    """Side of the table and its further rows."""
    for extra in (0, 3):
        side = square(rows - extra)
        if side is not None and side % 2 == 1:
            return side, extra
    raise ValueError(f"{rows} rows are no table of a square window")
