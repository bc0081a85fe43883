"""Bilinear sampling of feature maps: a plan of table rows and weights, and a weighted gather.

A batch of maps is viewed as a table with one row per pixel. Sampling it at fractional points and
pooling it over regions are then the same operation: each output (a *bag*) is a weighted sum of a
few rows. The plan (rows and weights) depends on the coordinates, the gather on the features.
RoIAlign and adaptive convolution use both.

Convention: the centre of pixel ``(row i, column j)`` has the coordinates ``y = i, x = j``. A point
between pixels is the bilinear interpolation of its four neighbours; neighbours outside the map are
zero, as in ``grid_sample`` with ``padding_mode='zeros'``. NaN and infinite points read zero.

Legend::

    N, C, H, W   images, channels, height and width of the maps
    M            rows of the table, N * H * W
    B            bags
    T            total number of rows read by all bags
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


class BilinearPlan(NamedTuple):
    """The four table rows that a point reads, row by row from the top left, and their weights.

    A neighbour outside the map has a valid row and weight zero.
    """

    rows: Tensor  # [..., 4] int64 or int32
    weights: Tensor  # [..., 4], differentiable with respect to the coordinates


def flatten_maps(maps: Tensor) -> Tensor:
    """Return maps [N, C, H, W] as a table with one row per pixel, [N * H * W, C].

    Images are outermost, then rows, then columns. Channels-last maps are not copied.
    """
    channels_last = maps.contiguous(memory_format=torch.channels_last)
    return channels_last.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])  # [M, C]


def bilinear_plan(
    y: Tensor,
    x: Tensor,
    *,
    height: int,
    width: int,
    image: Tensor | None = None,
    first_row: int = 0,
) -> BilinearPlan:
    """Return the plan for sampling maps at the points ``(y, x)``.

    Args:
        y: rows of the points in pixels, any shape, float32 or float64.
        x: columns of the points in pixels, same shape and type.
        height: H of the maps.
        width: W of the maps.
        image: index of the image of each point, broadcastable to the shape of ``y``; int32 or
            int64, which is also the dtype of the rows. Default: the first image, int64.
        first_row: table row of the first image, for a table of several sets of maps.

    Raises:
        TypeError: the coordinates are neither float32 nor float64. bfloat16 cannot represent the
            integers above 256.
        ValueError: the maps have no pixels.
    """
    plan = grid_plan(
        y[..., None], x[..., None], height=height, width=width, image=image, first_row=first_row
    )
    return BilinearPlan(*(part.flatten(-3) for part in plan))  # [..., 4]


def grid_plan(
    y: Tensor,
    x: Tensor,
    *,
    height: int,
    width: int,
    image: Tensor | None = None,
    first_row: int = 0,
) -> BilinearPlan:
    """Return the plan [..., P, Q, 4] for sampling maps at grids of points ``(y[p], x[q])``.

    ``y`` is [..., P], ``x`` [..., Q]. The other arguments and the errors are those of
    :func:`bilinear_plan`; ``image`` is that of each grid.
    """
    if y.dtype != x.dtype or y.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"coordinates must both be float32 or float64, found {y.dtype}, {x.dtype}")
    if height < 1 or width < 1:
        raise ValueError(f"maps must have at least 1 x 1 pixels, found {height} x {width}")
    kind = torch.int64 if image is None else image.dtype
    row, row_weight = _neighbours(y, height, kind)  # [..., P, 2]
    column, column_weight = _neighbours(x, width, kind)  # [..., Q, 2]
    if image is not None:
        row = row + image[..., None, None] * height
    row = row * width + first_row
    rows = row[..., :, None, :, None] + column[..., None, :, None, :]
    weights = row_weight[..., :, None, :, None] * column_weight[..., None, :, None, :]
    return BilinearPlan(rows.flatten(-2), weights.flatten(-2))  # [..., P, Q, 4]


def ragged_gather(table: Tensor, rows: Tensor, weights: Tensor, offsets: Tensor) -> Tensor:
    """Return weighted sums of table rows, with gradients to ``table`` and ``weights``.

    Args:
        table: [M, C], any floating dtype; sums use the wider of its dtype and that of the weights.
        rows: [T] integers in ``range(M)``; the rows of a bag are contiguous.
        weights: [T].
        offsets: [B + 1] integers, same dtype as ``rows``: bag b sums the entries from
            ``offsets[b]`` to ``offsets[b + 1]`` (exclusive). A bag without entries is zero.

    Returns:
        [B, C] in the dtype of the table.
    """
    wide = torch.promote_types(table.dtype, weights.dtype)
    bags = _RaggedGather.apply(table.to(wide), rows, weights.to(wide), offsets)
    return bags.to(table.dtype)


def ragged_scatter(
    bags: Tensor, rows: Tensor, weights: Tensor, offsets: Tensor, num_rows: int
) -> Tensor:
    """Add weighted bags to the rows that they read: the adjoint of :func:`ragged_gather`.

    ``out[m]`` is the sum over bags b, and over the entries t of b with ``rows[t] == m``, of
    ``weights[t] * bags[b]``. Sorting the entries by row turns this into another gather, which
    needs no atomic additions and is deterministic. ``bags`` [B, C] have the dtype of the weights;
    the other arguments are those of the gather, and ``num_rows`` is M.
    """
    bag = torch.repeat_interleave(offsets.diff(), output_size=rows.shape[0])  # [T]
    if num_rows < 2**31:
        rows = rows.int()  # half the bytes to sort
    rows, order = torch.sort(rows, stable=True)  # [T]
    starts = torch.searchsorted(
        rows, torch.arange(num_rows + 1, dtype=rows.dtype, device=rows.device)
    )  # [M + 1]
    bag = bag.index_select(0, order)
    return sum_bags(bags, bag, weights.index_select(0, order), starts.to(bag.dtype))


def sum_bags(table: Tensor, rows: Tensor, weights: Tensor, offsets: Tensor) -> Tensor:
    """Return :func:`ragged_gather` of one dtype, with the gradients of ``embedding_bag``."""
    return F.embedding_bag(
        rows, table, offsets, mode="sum", per_sample_weights=weights, include_last_offset=True
    )


def bag_products(grad: Tensor, table: Tensor, rows: Tensor, offsets: Tensor) -> Tensor:
    """Return the product of each row that is read with the gradient of its bag [B, C], [T]."""
    bag = torch.repeat_interleave(offsets.diff(), output_size=rows.shape[0])  # [T]
    return torch.ops.aten._embedding_bag_per_sample_weights_backward(
        grad, table, rows, offsets[:-1], bag, 0
    )


def _neighbours(coordinate: Tensor, size: int, kind: torch.dtype) -> tuple[Tensor, Tensor]:
    """Two pixels around each coordinate of one axis [..., 2] and their weights [..., 2]."""
    outside = -2.0  # both neighbours of such a point are outside
    coordinate = coordinate.nan_to_num(nan=outside, posinf=outside, neginf=outside)
    coordinate = coordinate.clamp(outside, size + 1)
    low = coordinate.detach().floor()
    fraction = coordinate - low
    index = torch.stack((low, low + 1), dim=-1)  # [..., 2]
    weight = torch.stack((1 - fraction, fraction), dim=-1)  # [..., 2]
    inside = (index >= 0) & (index <= size - 1)
    return index.clamp(0, size - 1).to(kind), weight * inside


class _RaggedGather(torch.autograd.Function):
    """``embedding_bag`` with a backward by sorting, several times faster on a CPU."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, rows: Tensor, weights: Tensor, offsets: Tensor) -> Tensor:
        ctx.num_rows = table.shape[0]
        needs_table = ctx.needs_input_grad[2]
        ctx.save_for_backward(rows, weights, offsets, table if needs_table else None)
        return sum_bags(table, rows, weights, offsets)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None, Tensor | None, None]:
        rows, weights, offsets, table = ctx.saved_tensors
        grad = grad.contiguous()
        grad_table = grad_weights = None
        if ctx.needs_input_grad[0]:
            grad_table = ragged_scatter(grad, rows, weights, offsets, ctx.num_rows)
        if ctx.needs_input_grad[2]:
            grad_weights = bag_products(grad, table, rows, offsets)
        return grad_table, None, grad_weights, None
