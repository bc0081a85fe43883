"""A bank of features, in memory or, if it is large, in a memory-mapped file.

The file has no name, because it is unlinked when it is created. So its space is freed with the last
tensor of the bank, also after an error or a killed process.

Letters: B batch, D feature channels, N bank.
"""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

RAM_LIMIT_MIB = 512


def fill_bank(
    batches: Iterable[tuple[Tensor, Tensor]],
    *,
    rows: int,
    ram_limit_mib: float = RAM_LIMIT_MIB,
    folder: str | Path | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the features of all batches in one tensor.

    Args:
        batches: Features and labels, on any device. [B, D] and [B]
        rows: N, total number of rows of all batches.
        ram_limit_mib: As in :func:`empty_bank`.
        folder: As in :func:`empty_bank`.

    Returns:
        Features in float32 and labels, on the CPU. [N, D] and [N]

    Raises:
        ValueError: The batches have another number of rows, or there is no batch.
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
            raise ValueError(f"the batches have more than the expected {rows} rows")
        bank[filled:stop], labels[filled:stop] = features, of_batch
        filled = stop
    if bank is None:
        raise ValueError("the data loader yields no images")
    if filled < rows:
        raise ValueError(f"the batches have {filled} rows, expected {rows}")
    return bank, labels


def empty_bank(
    rows: int,
    channels: int,
    *,
    ram_limit_mib: float = RAM_LIMIT_MIB,
    folder: str | Path | None = None,
) -> Tensor:
    """Return memory for a bank, in RAM or in a file.

    A mapped bank is an ordinary tensor whose pages the system loads and drops on demand. Process it
    in chunks of rows.

    Args:
        rows: N.
        channels: D.
        ram_limit_mib: Above this size the bank is in a file.
        folder: Folder for the file; created if it does not exist. The default is the temporary
            folder of the system, which is in RAM on some machines.

    Returns:
        An uninitialised float32 tensor on the CPU. [N, D]

    Raises:
        OSError: The disk is full.
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
    """Allocate the blocks now: writing to a map on a full disk kills the process."""
    if hasattr(os, "posix_fallocate"):  # Linux
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.ftruncate(descriptor, size)
