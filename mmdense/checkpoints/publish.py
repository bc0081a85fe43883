"""From a training checkpoint to a file to give away."""

import hashlib
import io
from pathlib import Path

import torch
from torch import Tensor

from mmdense.checkpoints.atomic_backend import write_atomically
from mmdense.checkpoints.read import read_checkpoint, safetensors_bytes, state_dict_of

__all__ = ["publish", "weights_as_bytes"]


def publish(source: str | Path, folder: str | Path | None = None, *, suffix: str = ".pth") -> Path:
    """Write the weights of ``source`` alone, under a name that ends in the start of their SHA-256.

    No optimizer, no curves, no paths or settings of the run. MMEngine and torch.hub check the eight
    characters in the name of a ``.pth`` file when they download it.

    Args:
        source: The checkpoint.
        folder: Where to write; beside the source where it is None.
        suffix: ``.pth`` or ``.safetensors``.

    Returns:
        ``<folder>/<stem of the source>-<8 characters><suffix>``.

    Raises:
        ValueError: The suffix is another one, or the file is no checkpoint.
    """
    weights = state_dict_of(read_checkpoint(source), source)
    content = weights_as_bytes(weights, suffix)
    digest = hashlib.sha256(content).hexdigest()
    source = Path(source)
    path = Path(folder or source.parent) / f"{source.stem}-{digest[:8]}{suffix}"
    write_atomically(content, path)
    return path


def weights_as_bytes(weights: dict[str, Tensor], suffix: str) -> bytes:
    """The content of a file that holds weights and nothing else.

    Raises:
        ValueError: The suffix is neither ``.pth`` nor ``.safetensors``.
    """
    if suffix == ".safetensors":
        return safetensors_bytes(weights)
    if suffix != ".pth":
        raise ValueError(f"suffix {suffix!r}: give .pth or .safetensors")
    buffer = io.BytesIO()
    torch.save({"state_dict": weights}, buffer)
    return buffer.getvalue()
