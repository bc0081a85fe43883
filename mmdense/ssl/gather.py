"""Batches and sums over all processes, which may have batches of different sizes.

A loss that needs the statistics of a batch is computed by every process on the batch of all:
``loss(gather_rows(z))``. DistributedDataParallel then averages gradients of the same loss, which is
the gradient of one process with the whole batch.

Letters: B rows of this process, M rows of all, D channels.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

__all__ = ["gather_rows", "max_over_ranks", "mean_over_ranks", "sum_over_ranks"]


def gather_rows(rows: Tensor) -> Tensor:
    """Return the rows of all processes in the order of their ranks, [M, ...], with gradients.

    Every process must call this.

    Args:
        rows: [B, ...]; only B may differ between processes.
    """
    if _alone():
        return rows
    return _GatherRows.apply(rows)


def sum_over_ranks(parts: Sequence[Tensor]) -> list[Tensor]:
    """Return sums over all processes, in one exchange.

    Args:
        parts: Tensors of one dtype and device, of the same shapes in every process.
    """
    if _alone():
        return list(parts)
    flat = torch.cat([part.reshape(-1) for part in parts])
    dist.all_reduce(flat)
    pieces = flat.split([part.numel() for part in parts])
    return [piece.reshape(part.shape) for piece, part in zip(pieces, parts, strict=True)]


def max_over_ranks(value: Tensor) -> Tensor:
    """Return the largest value of all processes, of the shape of ``value``."""
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return value
    largest = value.detach().clone()
    dist.all_reduce(largest, op=dist.ReduceOp.MAX)
    return largest


def _alone() -> bool:
    return not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        world = dist.get_world_size()
        count = torch.tensor([len(rows)], device=rows.device)
        counts = [torch.zeros_like(count) for _ in range(world)]
        dist.all_gather(counts, count)
        sizes = [int(other) for other in counts]
        padded = rows.new_zeros(max(sizes), *rows.shape[1:])
        padded[: len(rows)] = rows
        blocks = [torch.empty_like(padded) for _ in range(world)]
        dist.all_gather(blocks, padded)
        ctx.start = sum(sizes[: dist.get_rank()])
        ctx.count = len(rows)
        return torch.cat([block[:size] for block, size in zip(blocks, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        grad = grad.contiguous().clone()
        dist.all_reduce(grad)  # each process has its own copy of the loss
        return grad[ctx.start : ctx.start + ctx.count]


def mean_over_ranks(values: Tensor) -> Tensor:
    """Return the mean over the images of all processes, [], with its exact gradient.

    The gradient is that of the images of this process, times the number of processes, which
    DistributedDataParallel divides by.

    Args:
        values: One of each image; B may differ between processes. [B]
    """
    if _alone():
        return values.mean()
    total = values.sum()
    count = torch.full_like(total.detach(), len(values))
    whole, images = sum_over_ranks([total.detach(), count])
    share = total * dist.get_world_size() / images
    return share + (whole / images - share).detach()
