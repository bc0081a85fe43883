"""Gather the features of all processes in the order of the data set.

Letters: B batch of one process, D feature channels, W processes.
"""

import math
from collections.abc import Iterator

import torch
from mmengine.dist import all_gather, get_world_size
from torch import Tensor

__all__ = ["gather_batches"]


def gather_batches(
    batches: Iterator[tuple[Tensor, Tensor]], *, rows: int, batch_size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the rows of all processes; process r has the rows r, r + W, r + 2 W ...

    This needs memory for one batch of each process only.

    Args:
        batches: Features and labels of this process. All batches but the last are full; the last
            one can be missing if W does not divide the rows. [<=B, D] and [<=B]
        rows: Number of rows of all processes, at least W.
        batch_size: B.

    Yields:
        The next rows of the data set on the device of the features. [<=W * B, D] and [<=W * B]
    """
    world_size = get_world_size()
    if world_size == 1:
        yield from batches
        return
    start = 0
    none_left = torch.empty(0), torch.empty(0, dtype=torch.long)
    for _ in range(math.ceil(math.ceil(rows / world_size) / batch_size)):
        features, labels = next(batches, none_left)
        if len(features):
            none_left = features[:0], labels[:0]
        labels = labels.to(features.device)
        left = rows - start
        yield _interleaved(features, batch_size)[:left], _interleaved(labels, batch_size)[:left]
        start += world_size * batch_size


def _interleaved(own: Tensor, batch_size: int) -> Tensor:
    """Row 0 of every process, row 1 of every process, ...; [W * B, ...] of [<=B, ...]."""
    padded = own.new_zeros(batch_size, *own.shape[1:])  # [B, ...]
    padded[: len(own)] = own
    return torch.stack(all_gather(padded), dim=1).flatten(0, 1)  # [W * B, ...]
