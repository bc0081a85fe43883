"""Convolution at sampled points: a plan defines the points of each tap of the kernel.

``out[l] = sum_k sum_j weights[l, k, j] * (table[rows[l, k, j]] @ kernel[k])``

Forward: the columns of a block of outputs are gathered and multiplied by the kernel, block by
block, so no buffer grows with the map. Backward: the gradients of the outputs are scattered to the
pixels that they read, for a few taps at a time, and then multiplied by the kernel. Only the input
and the plan are saved for the backward pass; there is no offset field. On a GPU, supported cases
use the kernels of :mod:`~projects.cascade_rpn.sampled_conv_triton`, which need no columns.

Groups: the channels are split into P parts, so that each part belongs to one group of the
convolution and one group of points (*deformable group*).

Legend::

    M      pixels of all maps: rows of the table
    C, D   input and output channels
    L      outputs: cells of all maps
    K      taps of the kernel, k * k
    B      outputs of one block, forward
    k      taps of one chunk, backward
    G      groups of the convolution; D / G outputs see C / G inputs
    A      groups of points; C / A channels share the same points
    P      parts of the channels, the least common multiple of G and A
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmdense.ops.bilinear import bag_products, ragged_scatter, sum_bags
from projects.cascade_rpn.sampled_conv_triton import sampled_conv_triton, supports

# Columns at a time. With 256 channels, 200 x 336 cells and two threads, 64 and 128 MiB took the
# same time and 16 MiB took 10 % longer: each block copies the kernel.
_BLOCK_MIB = 64


def sampled_conv(
    table: Tensor,
    kernel: Tensor,
    rows: Tensor,
    weights: Tensor,
    *,
    groups: int = 1,
    max_mib: float | None = None,
) -> Tensor:
    """Return a convolution with a plan of the points of each tap.

    The table and the kernel get gradients, and so do the weights if they require them (learned
    offsets; not detached boxes).

    Args:
        table: [M, C] features of all pixels, see :func:`mmdense.ops.bilinear.flatten_maps`.
        kernel: [D, C / G, K], the weight of a ``Conv2d`` with its last two axes flattened.
        rows: [L, A, K, 4] integers in ``range(M)``, the pixels around each point.
        weights: [L, A, K, 4], their weights, float32 or float64.
        groups: G.
        max_mib: limit in MiB on the columns (forward) and the gradients of a chunk of taps
            (backward), without the plan and its order. The minimum is one output and one tap.

    Returns:
        [L, D] in the dtype of the table.

    Raises:
        ValueError: the sizes do not match.
    """
    A = rows.shape[1]
    _check(table, kernel, rows, weights, groups)
    if supports(table, rows, groups, weights):
        return sampled_conv_triton(table, kernel, rows, weights)
    P = math.lcm(groups, A)
    parts = torch.arange(P, device=rows.device) // (P // A)  # [P], group of points of each part
    if A < P:
        rows, weights = rows[:, parts], weights[:, parts]  # [L, P, K, 4]
    of_output = table.element_size() * table.shape[1] * kernel.shape[2]
    of_tap = table.element_size() * table.shape[0] * (P // groups) * kernel.shape[0]
    fast = _BLOCK_MIB if max_mib is None else min(max_mib, _BLOCK_MIB)
    blocks = _pieces(rows.shape[0], of_output, fast)
    chunks = 1 if max_mib is None else _pieces(kernel.shape[2], of_tap, max_mib)
    return _SampledConv.apply(table, kernel, rows, weights, groups, blocks, chunks)


def _pieces(number: int, size: int, max_mib: float) -> int:
    """Number of pieces, so that each piece of items of ``size`` bytes has at most ``max_mib``."""
    return math.ceil(number / max(1, int(max_mib * 2**20 / max(size, 1))))


def _check(table: Tensor, kernel: Tensor, rows: Tensor, weights: Tensor, groups: int) -> None:
    C, D, A = table.shape[1], kernel.shape[0], rows.shape[1]
    if C % groups or D % groups or kernel.shape[1] * groups != C:
        raise ValueError(f"kernel {[*kernel.shape]} does not match {C} channels in {groups} groups")
    if C % math.lcm(groups, A):
        raise ValueError(
            f"{C} channels cannot be divided into {groups} groups of the convolution and {A} "
            "groups of points"
        )
    if rows.shape != weights.shape or rows.shape[2:] != (kernel.shape[2], 4):
        raise ValueError(
            f"rows and weights must both be [L, A, {kernel.shape[2]}, 4], found {[*rows.shape]} "
            f"and {[*weights.shape]}"
        )


class _SampledConv(torch.autograd.Function):
    """Forward in blocks of outputs, backward in chunks of taps; with P groups of points."""

    @staticmethod
    def forward(
        ctx: Any,
        table: Tensor,
        kernel: Tensor,
        rows: Tensor,
        weights: Tensor,
        groups: int,
        blocks: int,
        chunks: int,
    ) -> Tensor:
        ctx.groups, ctx.chunks = groups, chunks
        ctx.save_for_backward(table, kernel, rows, weights)
        L, D, K = rows.shape[0], kernel.shape[0], kernel.shape[2]
        kernel = kernel.unsqueeze(2).contiguous(
            memory_format=torch.channels_last
        )  # [D, C / G, 1, K]
        out = table.new_empty(L, D)
        size = math.ceil(L / max(blocks, 1))  # equal parts
        for block in range(blocks):
            part = slice(block * size, (block + 1) * size)
            columns = _columns(table, rows[part], weights[part])  # [1, C, 1, B * K]
            product = F.conv2d(columns, kernel, stride=(1, K), groups=groups)  # [1, D, 1, B]
            out[part] = product[0, :, 0].T
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        table, kernel, rows, weights = ctx.saved_tensors
        groups = ctx.groups
        taps = math.ceil(kernel.shape[2] / ctx.chunks)  # equal parts
        M, P, width = table.shape[0], rows.shape[1], kernel.shape[0] // groups
        grad = grad.reshape(-1, width)  # [L * G, D / G]
        grad_table, grad_kernel, grad_weights = None, [], []
        for first in range(0, kernel.shape[2], taps):
            matrix = _matrix(kernel, groups, P, first, taps)  # [P, C / P, k * D / G]
            k = matrix.shape[2] // width
            bags = _bags(rows, weights, groups, first, taps, M)
            if ctx.needs_input_grad[3]:
                shape = (*rows.shape[:2], k, 4)
                parts = table.view(M, P, -1).transpose(0, 1)  # [P, M, C / P]
                products = _product(parts, matrix).reshape(-1, width)
                grad_weights.append(_grad_shares(products, grad, bags, shape))
                del products
            tap_rows, shares, offsets = bags
            spread = ragged_scatter(
                grad, tap_rows, shares.to(grad.dtype), offsets, num_rows=P * M * k
            ).view(P, M, k * width)
            if ctx.needs_input_grad[0]:
                grad_table = _accumulate(grad_table, spread, matrix)
            if ctx.needs_input_grad[1]:
                grad_kernel.append(_grad_kernel(table, spread, k, kernel.shape))
            del spread  # free the memory before the next chunk
        return (
            None if grad_table is None else grad_table.permute(1, 0, 2).reshape(table.shape),
            torch.cat(grad_kernel, dim=2) if grad_kernel else None,
            None,
            torch.cat(grad_weights, dim=2) if grad_weights else None,
            None,
            None,
            None,
        )


def _columns(table: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """Columns of a block of outputs as a map [1, C, 1, B * K].

    It is a map, because on some CPUs a convolution is faster than a matrix product.
    """
    B, P, K, _ = rows.shape
    rows, weights = rows.transpose(1, 2), weights.transpose(1, 2)  # [B, K, P, 4]
    if P > 1:  # row ``pixel * P + part`` of the table of parts
        rows = torch.add(torch.arange(P, device=rows.device).view(P, 1), rows, alpha=P)
    bags = torch.arange(B * K * P + 1, device=rows.device, dtype=rows.dtype) * 4
    parts = table.reshape(table.shape[0] * P, -1)  # [M * P, C / P]
    weights = weights.reshape(-1).to(table.dtype)
    columns = sum_bags(parts, rows.reshape(-1), weights, bags)  # [B * K * P, C / P]
    return columns.view(1, 1, B * K, -1).permute(0, 3, 1, 2)


def _matrix(kernel: Tensor, groups: int, P: int, first: int, taps: int) -> Tensor:
    """Taps from ``first`` of the kernel [D, C / G, K] as [P, C / P, k * D / G]."""
    D, channels, _ = kernel.shape
    chunk = kernel[:, :, first : first + taps]  # [D, C / G, k]
    chunk = chunk.reshape(groups, D // groups, P // groups, -1, chunk.shape[2])
    return chunk.permute(0, 2, 3, 4, 1).reshape(P, channels * groups // P, -1)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Product of each pair of matrices; for one pair ``@`` is faster without a batch."""
    return (a[0] @ b[0]).unsqueeze(0) if len(a) == 1 else a @ b


def _bags(
    rows: Tensor, weights: Tensor, groups: int, first: int, taps: int, M: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Rows and weights of the bags [L * G], with the parts and taps of each output.

    Row ``(part * M + pixel) * k + tap`` of the products is that of a part of the channels of a
    pixel with a tap.
    """
    L, P = rows.shape[:2]
    rows = rows[:, :, first : first + taps]  # [L, P, k, 4]
    weights = weights[:, :, first : first + taps]
    k = rows.shape[2]
    kind = torch.int32 if P * M * k < 2**31 else torch.int64
    part = torch.arange(P, device=rows.device, dtype=kind).view(P, 1, 1) * M
    tap = torch.arange(k, device=rows.device, dtype=kind).view(k, 1)
    rows = torch.add(part * k + tap, rows.to(kind), alpha=k)  # [L, P, k, 4]
    step = P // groups * k * 4
    offsets = torch.arange(L * groups + 1, device=rows.device, dtype=kind) * step
    return rows.reshape(-1), weights.reshape(-1), offsets


def _accumulate(total: Tensor | None, spread: Tensor, matrix: Tensor) -> Tensor:
    """Add the gradient of the table from a chunk of taps, [P, M, C / P]."""
    if total is None:
        return _product(spread, matrix.transpose(1, 2))
    if len(spread) == 1:
        total[0].addmm_(spread[0], matrix[0].T)
        return total
    return total.baddbmm_(spread, matrix.transpose(1, 2))


def _grad_kernel(table: Tensor, spread: Tensor, k: int, shape: torch.Size) -> Tensor:
    """Gradient of the kernel for a chunk of taps, [D, C / G, k]."""
    D, channels, _ = shape
    P, M, _ = spread.shape
    groups = table.shape[1] // channels
    grad = _product(table.view(M, P, -1).permute(1, 2, 0), spread)  # [P, C / P, k * D / G]
    grad = grad.view(groups, P // groups, -1, k, D // groups)
    return grad.permute(0, 4, 1, 2, 3).reshape(D, channels, k)


def _grad_shares(products: Tensor, grad: Tensor, bags: tuple[Tensor, ...], shape: Any) -> Tensor:
    """Gradient of the weights of a chunk of taps: product of a tap times gradient of its bag."""
    rows, weights, offsets = bags
    return bag_products(grad, products, rows, offsets).view(shape).to(weights.dtype)
