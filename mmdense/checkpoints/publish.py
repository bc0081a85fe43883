"""Export the weights of a training checkpoint."""

import hashlib
import io
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from mmdense.checkpoints.atomic_backend import write_atomically
from mmdense.checkpoints.read import read_checkpoint, state_dict_of

__all__ = ["publish", "weights_as_bytes"]


def publish(source: str | Path, folder: str | Path | None = None, *, suffix: str = ".pth") -> Path:
    """Export the weights of ``source`` to a file whose name ends in the start of its SHA-256.

    The file has no optimizer, curves, paths or settings of the run. MMEngine and torch.hub check
    the eight digits in the name of a ``.pth`` file when they download it.

    It is ``<folder>/<stem of the source>-<8 characters><suffix>``; the default folder is that of
    the source.
    """
    weights = state_dict_of(read_checkpoint(source), source)
    content = weights_as_bytes(weights, suffix)
    digest = hashlib.sha256(content).hexdigest()
    source = Path(source)
    path = Path(folder or source.parent) / f"{source.stem}-{digest[:8]}{suffix}"
    write_atomically(content, path)
    return path


def weights_as_bytes(weights: dict[str, Tensor], suffix: str) -> bytes:
    """Return the content of a file with weights only.

    Raises:
        ValueError: The suffix is neither ``.pth`` nor ``.safetensors``.
    """
    if suffix == ".safetensors":  # tensors that share memory are written twice
        plain = {key: value.detach().cpu().contiguous().clone() for key, value in weights.items()}
        return save(plain, metadata={"format": "pt"})
    if suffix != ".pth":
        raise ValueError(f"suffix {suffix!r} is not supported: use .pth or .safetensors")
    buffer = io.BytesIO()
    torch.save({"state_dict": weights}, buffer)
    return buffer.getvalue()
