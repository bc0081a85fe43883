"""What happens to the values of weights between two dialects, every change with its way back.

Legend::

    C      channels
    h, w   patches of a picture, rows and columns
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Change(NamedTuple):
    """A change of values.

    Attributes:
        to_canonical: from the dialect.
        from_canonical: into the dialect, up to a shape of as many numbers.
    """

    to_canonical: Callable[[Tensor], Tensor]
    from_canonical: Callable[[Tensor], Tensor]


class JoinChange(NamedTuple):
    """Several weights that become one, and the one that becomes several."""

    join: Callable[[Sequence[Tensor]], Tensor]
    split: Callable[[Tensor], list[Tensor]]


def from_unfold_order(weight: Tensor) -> Tensor:
    """Patch merging of Swin: from the channels of ``nn.Unfold`` to those of its authors.

    The authors put the four neighbours of a window side by side, column by column; ``nn.Unfold``
    gives each channel its four neighbours, row by row.

    Args:
        weight: [..., C * 4], a norm's weights or the columns of the reduction.
    """
    C = weight.shape[-1] // 4
    windows = weight.unflatten(-1, (C, 2, 2))  # [..., C, row, column]
    return windows.movedim((-1, -2), (-3, -2)).flatten(-3)  # [..., column * row * C]


def to_unfold_order(weight: Tensor) -> Tensor:
    """Way back of :func:`from_unfold_order`."""
    C = weight.shape[-1] // 4
    windows = weight.unflatten(-1, (2, 2, C))  # [..., column, row, C]
    return windows.movedim((-3, -2), (-1, -2)).flatten(-3)  # [..., C * row * column]


def flatten_grid(positions: Tensor) -> Tensor:
    """Positions of patches as rows, [1, h * w, C], where SAM and ViTDet have [1, h, w, C]."""
    return positions.flatten(1, 2) if positions.ndim == 4 else positions


def join_query_and_value_bias(biases: Sequence[Tensor]) -> Tensor:
    """BEiT has no bias for its keys: [C] of queries and [C] of values to [3 * C], keys zero."""
    query, value = biases
    return torch.cat((query, torch.zeros_like(query), value))


def split_query_and_value_bias(bias: Tensor) -> list[Tensor]:
    """Biases of queries and values of [3 * C].

    That of the keys may be dropped: it adds the same number to all scores of a query, which the
    softmax does not see.
    """
    query, _, value = bias.chunk(3)
    return [query, value]


CHANGES = {
    "unfold_order": Change(from_unfold_order, to_unfold_order),
    "flat_grid": Change(flatten_grid, lambda positions: positions),
}
JOINS = {"query_and_value_bias": JoinChange(join_query_and_value_bias, split_query_and_value_bias)}
