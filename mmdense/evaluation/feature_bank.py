"""A bank of features that moves to a mapped file when it is large.

The file has no name: it is unlinked as it is made, so nothing is left behind by an error or a
killed process, and its space is free again when the bank's last tensor is gone.

Letters: B batch, D feature channels, N bank.
"""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

__all__ = ["RAM_LIMIT_MIB", "empty_bank", "fill_bank"]

RAM_LIMIT_MIB = 512


def fill_bank(
    batches: Iterable[tuple[Tensor, Tensor]],
    *,
    rows: int,
    ram_limit_mib: float = RAM_LIMIT_MIB,
    folder: str | Path | None = None,
) -> tuple[Tensor, Tensor]:
    """Write batches of features one below the other.

    Args:
        batches: Features and labels, on any device. [B, D] and [B]
        rows: N, the number of rows of all batches.
        ram_limit_mib: As in :func:`empty_bank`.
        folder: As there.

    Returns:
        Features in float32 and labels, on the CPU. [N, D] and [N]

    Raises:
        ValueError: The batches have another number of rows, or there are none.
        OSError: As in :func:`empty_bank`.
    """
    bank: Tensor | None = None
    labels = torch.empty(rows, dtype=torch.long)  # [N]
    filled = 0
    for features, of_batch in batches:
        if bank is None:
            bank = empty_bank(rows, features.shape[1], ram_limit_mib=ram_limit_mib, folder=folder)
        stop = filled + len(features)
        if stop > rows:
            raise ValueError(f"the batches have more rows than the {rows} announced")
        bank[filled:stop], labels[filled:stop] = features, of_batch
        filled = stop
    if bank is None:
        raise ValueError("the data loader yields no images")
    if filled < rows:
        raise ValueError(f"the batches have {filled} rows, fewer than the {rows} announced")
    return bank, labels


def empty_bank(
    rows: int,
    channels: int,
    *,
    ram_limit_mib: float = RAM_LIMIT_MIB,
    folder: str | Path | None = None,
) -> Tensor:
    """Memory for a bank, in RAM or in a file.

    A mapped bank is an ordinary tensor; the system reads and drops its pages as it sees fit, so
    work on it in chunks of rows.

    Args:
        rows: N.
        channels: D.
        ram_limit_mib: Above this size the bank lies in a file.
        folder: For that file, on a disk with room; made where it is missing. By default the
            system's folder for temporary files, which on some machines is itself in RAM.

    Returns:
        A float32 tensor on the CPU, its values not set. [N, D]

    Raises:
        OSError: The disk has no room for the file.
    """
    size = 4 * rows * channels  # bytes
    if size <= ram_limit_mib * 2**20:
        return torch.empty(rows, channels)
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder, prefix="feature_bank_") as file:
        _reserve(file.fileno(), size)
        mapped = np.memmap(file, dtype=np.float32, mode="r+", shape=(rows, channels))
    return torch.from_numpy(mapped)  # [N, D]; keeps the map, and with it the file, alive


def _reserve(descriptor: int, size: int) -> None:
    """Take the disk's blocks now: a map onto a full disk would kill the process later."""
    if hasattr(os, "posix_fallocate"):  # Linux
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.ftruncate(descriptor, size)
