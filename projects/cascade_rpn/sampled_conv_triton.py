"""Convolution at sampled points with Triton kernels, without columns in memory.

    ``out[l] = sum_k sum_j weights[l, k, j] * (table[rows[l, k, j]] @ kernel[k])``

The same computation as :func:`projects.cascade_rpn.sampled_conv.sampled_conv`, for one group of the
convolution and one group of points. A program gathers a tile of the columns of its outputs and
multiplies it directly, forward and backward. Additional memory: float32 gradients of the table and
of the kernel.

Sums are computed in float32. A column is rounded once, to the dtype of the table; the plain
operator rounds the products and the weights. Gradients use atomic additions without a fixed order,
so they are not deterministic, unlike those of the plain operator.

Legend::

    M         pixels of all maps: rows of the table
    C, D      input and output channels
    L         outputs: cells of all maps
    K         taps of the kernel
    l, c, d   outputs, input channels and output channels of one block
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

try:
    import triton
    import triton.language as tl
except ImportError:  # not available on every platform; `supports` is then False
    triton = None


def supports(table: Tensor, rows: Tensor, groups: int, weights: Tensor) -> bool:
    """Return whether :func:`sampled_conv_triton` supports this convolution.

    It needs one group of the convolution and one of points, float32, bfloat16 or float16, weights
    without a gradient, and an NVIDIA GPU with compute capability 8.0 or higher (or the interpreter
    of Triton). It does not support ``torch.compile`` and deterministic algorithms. The arguments
    are those of :func:`~projects.cascade_rpn.sampled_conv.sampled_conv`.
    """
    return (
        triton is not None
        and not torch.compiler.is_compiling()
        and not torch.are_deterministic_algorithms_enabled()
        and (_interpreted() or _is_recent(table.device))
        and groups == 1
        and rows.shape[1] == 1
        and table.dtype in (torch.float32, torch.bfloat16, torch.float16)
        and not weights.requires_grad
    )


def sampled_conv_triton(table: Tensor, kernel: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """Return a convolution with a plan of the points of each tap, in one group.

    The table [M, C] and the kernel [D, C, K] have one dtype and get gradients, which are not
    deterministic. The rows [L, 1, K, 4] are not checked; the weights are converted to float32. The
    result is [L, D] in the dtype of the table.

    Raises:
        ValueError: :func:`supports` is False, or sizes, dtypes or devices do not match.
    """
    if not supports(table, rows, 1, weights):
        raise ValueError(
            f"the Triton kernels do not support a table of {table.dtype} on {table.device} with "
            f"rows {[*rows.shape]}: use `sampled_conv`"
        )
    _, C, K = kernel.shape
    if table.shape[1] != C or rows.shape != weights.shape or rows.shape[2:] != (K, 4):
        raise ValueError(
            f"shapes do not match: table {[*table.shape]}, kernel {[*kernel.shape]}, rows "
            f"{[*rows.shape]}, weights {[*weights.shape]}"
        )
    if kernel.dtype != table.dtype or len({t.device for t in (table, kernel, rows, weights)}) > 1:
        raise ValueError("table and kernel must have one dtype, and all tensors one device")
    matrix = kernel.permute(2, 1, 0).contiguous()  # [K, C, D]
    plan = rows.contiguous(), weights.float().contiguous()
    return _SampledConv.apply(table.contiguous(), matrix, *plan)


class _SampledConv(torch.autograd.Function):
    """The three kernels as one differentiable function; all tensors are contiguous."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, matrix: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
        ctx.save_for_backward(table, matrix, rows, weights)
        out = table.new_empty(rows.shape[0], matrix.shape[2])  # [L, D]
        _run(_forward_kernel, (table, matrix, rows, weights, out), matrix.shape)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        table, matrix, *plan = ctx.saved_tensors
        grad = grad.contiguous()
        grad_table = grad_matrix = None
        if ctx.needs_input_grad[0]:
            total = torch.zeros_like(table, dtype=torch.float32)
            _run(_table_grad_kernel, (grad, matrix, *plan, total), matrix.shape)
            grad_table = total.to(table.dtype)
        if ctx.needs_input_grad[1]:
            total = torch.zeros_like(matrix, dtype=torch.float32)
            _run(_kernel_grad_kernel, (grad, table, *plan, total), matrix.shape)
            grad_matrix = total.to(matrix.dtype)
        return grad_table, grad_matrix, None, None


def _interpreted() -> bool:
    """Whether TRITON_INTERPRET was 1 at the import of Triton and this file."""
    return not isinstance(_forward_kernel, triton.JITFunction)


def _is_recent(device: torch.device) -> bool:
    nvidia = device.type == "cuda" and torch.version.cuda is not None
    return nvidia and torch.cuda.get_device_capability(device) >= (8, 0)


def _jit(function: Any) -> Any:
    return function if triton is None else triton.jit(function, do_not_specialize=["L"])


@_jit
def _neighbour(base, rows, weights, place, in_l, C):
    """Pointer to the channels of a pixel, [l], and its weight, [l]."""
    row = tl.load(rows + place, mask=in_l, other=0).to(tl.int64)
    return base + row * C, tl.load(weights + place, mask=in_l, other=0.0)


@_jit
def _tile(base, row, row_size, column, in_row, in_column):
    """Part of a row-major matrix, zero outside it."""
    mask = in_row[:, None] & in_column[None, :]
    return tl.load(base + row[:, None] * row_size + column[None, :], mask=mask, other=0.0)


@_jit
def _part_of_columns(pixel, share, c, in_l, in_c):
    """The part of each column from one neighbour, [l, c]."""
    mask = in_l[:, None] & in_c[None, :]
    values = tl.load(pixel[:, None] + c[None, :], mask=mask, other=0.0)
    return values.to(tl.float32) * share[:, None]


@_jit
def _multiply(a, b, total, PRECISION: tl.constexpr, WIDEN: tl.constexpr):
    """``total + a @ b``, summed in float32."""
    if WIDEN:  # exact, because the operands are rounded already
        a, b = a.to(tl.float32), b.to(tl.float32)
    return tl.dot(a, b, total, input_precision=PRECISION)


@_jit
def _forward_kernel(
    table, kernel, rows, weights, out, L, C, D,
    K: tl.constexpr, PRECISION: tl.constexpr, WIDEN: tl.constexpr,
    BLOCK_L: tl.constexpr, BLOCK_C: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """Compute one block of outputs for one block of their channels."""
    d_blocks = tl.cdiv(D, BLOCK_D)
    block = tl.program_id(0)
    cell = (block // d_blocks * BLOCK_L + tl.arange(0, BLOCK_L)).to(tl.int64)
    d = block % d_blocks * BLOCK_D + tl.arange(0, BLOCK_D)
    in_l, in_d = cell < L, d < D
    total = tl.zeros((BLOCK_L, BLOCK_D), dtype=tl.float32)
    for tap in range(K):
        place = (cell * K + tap) * 4
        pixel_0, share_0 = _neighbour(table, rows, weights, place, in_l, C)
        pixel_1, share_1 = _neighbour(table, rows, weights, place + 1, in_l, C)
        pixel_2, share_2 = _neighbour(table, rows, weights, place + 2, in_l, C)
        pixel_3, share_3 = _neighbour(table, rows, weights, place + 3, in_l, C)
        for first in range(0, C, BLOCK_C):
            c = first + tl.arange(0, BLOCK_C)
            columns = _part_of_columns(pixel_0, share_0, c, in_l, c < C)  # [l, c]
            columns += _part_of_columns(pixel_1, share_1, c, in_l, c < C)
            columns += _part_of_columns(pixel_2, share_2, c, in_l, c < C)
            columns += _part_of_columns(pixel_3, share_3, c, in_l, c < C)
            tile = _tile(kernel, tap * C + c, D, d, c < C, in_d)  # [c, d]
            total = _multiply(columns.to(tile.dtype), tile, total, PRECISION, WIDEN)  # [l, d]
    mask = in_l[:, None] & in_d[None, :]
    tl.store(out + cell[:, None] * D + d[None, :], total.to(out.dtype.element_ty), mask=mask)


@_jit
def _table_grad_kernel(
    grad, kernel, rows, weights, out, L, C, D,
    K: tl.constexpr, PRECISION: tl.constexpr, WIDEN: tl.constexpr,
    BLOCK_L: tl.constexpr, BLOCK_C: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """Add the gradient of one block of outputs, one tap and one block of input channels."""
    c_blocks = tl.cdiv(C, BLOCK_C)
    block = tl.program_id(0)
    tap = block // c_blocks % K
    cell = (block // c_blocks // K * BLOCK_L + tl.arange(0, BLOCK_L)).to(tl.int64)
    c = block % c_blocks * BLOCK_C + tl.arange(0, BLOCK_C)
    in_l, in_c = cell < L, c < C
    columns = tl.zeros((BLOCK_L, BLOCK_C), dtype=tl.float32)
    for first in range(0, D, BLOCK_D):
        d = first + tl.arange(0, BLOCK_D)
        part = _tile(grad, cell, D, d, in_l, d < D)  # [l, d]
        tile = tl.trans(_tile(kernel, tap * C + c, D, d, in_c, d < D))  # [d, c]
        columns = _multiply(part, tile, columns, PRECISION, WIDEN)  # [l, c]
    for j in tl.static_range(4):
        pixel, share = _neighbour(out, rows, weights, (cell * K + tap) * 4 + j, in_l, C)
        mask = (in_l & (share != 0))[:, None] & in_c[None, :]
        places = pixel[:, None] + c[None, :]
        tl.atomic_add(places, columns * share[:, None], mask=mask, sem="relaxed")


@_jit
def _kernel_grad_kernel(
    grad, table, rows, weights, out, L, C, D,
    K: tl.constexpr, PRECISION: tl.constexpr, WIDEN: tl.constexpr,
    BLOCK_L: tl.constexpr, BLOCK_C: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """Add the gradient of one tap and one tile of channels, over a part of the outputs."""
    c_blocks, d_blocks = tl.cdiv(C, BLOCK_C), tl.cdiv(D, BLOCK_D)
    block = tl.program_id(0)
    tap = block // d_blocks // c_blocks
    c = block // d_blocks % c_blocks * BLOCK_C + tl.arange(0, BLOCK_C)
    d = block % d_blocks * BLOCK_D + tl.arange(0, BLOCK_D)
    in_c, in_d = c < C, d < D
    total = tl.zeros((BLOCK_C, BLOCK_D), dtype=tl.float32)
    steps = tl.cdiv(tl.cdiv(L, BLOCK_L), tl.num_programs(1))
    for step in range(tl.program_id(1) * steps, (tl.program_id(1) + 1) * steps):
        cell = (step * BLOCK_L + tl.arange(0, BLOCK_L)).to(tl.int64)
        in_l = cell < L
        columns = tl.zeros((BLOCK_L, BLOCK_C), dtype=tl.float32)
        for j in tl.static_range(4):
            pixel, share = _neighbour(table, rows, weights, (cell * K + tap) * 4 + j, in_l, C)
            columns += _part_of_columns(pixel, share, c, in_l, in_c)
        part = _tile(grad, cell, D, d, in_l, in_d)  # [l, d]
        columns = tl.trans(columns.to(part.dtype))  # [c, l]
        total = _multiply(columns, part, total, PRECISION, WIDEN)  # [c, d]
    places = out + (tap * C + c)[:, None] * D + d[None, :]
    tl.atomic_add(places, total, mask=in_c[:, None] & in_d[None, :], sem="relaxed")


# Maximum blocks of L, C and D, warps and pipeline stages, by kernel and bytes of a channel. They
# fit into 99 KiB of shared memory, the minimum of the supported GPUs.
_BLOCKS = {
    (_forward_kernel, 2): (64, 32, 256, 4, 3),
    (_forward_kernel, 4): (64, 32, 128, 8, 2),
    (_table_grad_kernel, 2): (64, 128, 64, 8, 3),
    (_table_grad_kernel, 4): (64, 64, 32, 8, 3),
    (_kernel_grad_kernel, 2): (32, 64, 256, 8, 2),
    (_kernel_grad_kernel, 4): (32, 64, 128, 8, 2),
}
_PROGRAMS = 512  # for the gradient of the kernel: several for each multiprocessor of a large GPU


def _run(kernel: Any, tensors: tuple[Tensor, ...], shape: torch.Size) -> None:
    """Launch a kernel; ``shape`` is [K, C, D]."""
    K, C, D = shape
    L = tensors[2].shape[0]
    options = _options(kernel, tensors[0].dtype, C, D)
    parts = K * triton.cdiv(C, options["BLOCK_C"])
    d_blocks = triton.cdiv(D, options["BLOCK_D"])
    l_blocks = triton.cdiv(L, options["BLOCK_L"])
    grid = {
        _forward_kernel: (l_blocks * d_blocks,),
        _table_grad_kernel: (l_blocks * parts,),
        _kernel_grad_kernel: (parts * d_blocks, min(l_blocks, _PROGRAMS // parts + 1)),
    }[kernel]
    with torch.cuda.device_of(tensors[0]):
        kernel[grid](*tensors, L, C, D, K=K, **options)


def _options(kernel: Any, dtype: torch.dtype, C: int, D: int) -> dict[str, Any]:
    most_l, most_c, most_d, warps, stages = _BLOCKS[kernel, dtype.itemsize]
    matmul = torch.backends.cuda.matmul  # the old flag can raise if the new one exists
    new = hasattr(matmul, "fp32_precision")
    tf32 = matmul.fp32_precision == "tf32" if new else matmul.allow_tf32
    return {
        "BLOCK_L": most_l,
        "BLOCK_C": min(most_c, max(16, triton.next_power_of_2(C))),  # minimum of `tl.dot`
        "BLOCK_D": min(most_d, max(16, triton.next_power_of_2(D))),
        "PRECISION": "tf32" if tf32 else "ieee",
        "WIDEN": _interpreted()
        and dtype == torch.bfloat16,  # the interpreter cannot multiply bfloat16
        "num_warps": warps,
        "num_stages": stages,
    }
