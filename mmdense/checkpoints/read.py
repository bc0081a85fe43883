"""Read checkpoints without running code from them.

A ``.pth`` file is a pickle, and a pickle can call any function while it is read. torch prevents
this with ``weights_only=True``, but MMEngine then falls back to unsafe loading
(``mmengine.runner.checkpoint._safe_torch_load`` in 0.10), and allows ``getattr``, with which a file
can access the globals of a module. :mod:`mmdense.checkpoints.install` replaces the reader of
MMEngine by :func:`read_checkpoint`, so ``--resume``, ``load_from`` and ``init_cfg`` all use it.
"""

import argparse
import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mmdense.checkpoints.download import fetch_checkpoint, is_address

__all__ = [
    "UnsafeCheckpointError",
    "read_checkpoint",
    "state_dict_of",
    "trust_checkpoints",
]

_trusted = False


class UnsafeCheckpointError(ValueError):
    """The file has objects other than tensors, numbers, strings and containers of them."""


def trust_checkpoints() -> None:
    """Allow checkpoints to run code in this process (``--trust-checkpoint``)."""
    global _trusted  # noqa: PLW0603 (one switch a process, set by the command line)
    _trusted = True


def read_checkpoint(
    path: str | Path, map_location: Any = "cpu", *, classes: Sequence[type] = ()
) -> dict[str, Any]:
    """Return the content of a ``.pth`` or ``.safetensors`` file.

    Args:
        path: The file or its URL (:mod:`mmdense.checkpoints.download`), with either suffix.
        map_location: As in ``torch.load``.
        classes: More classes that the file may contain; only for your own files.

    Raises:
        FileNotFoundError: There is no such file.
        DownloadError: The download failed.
        UnsafeCheckpointError: The file needs to run code; the message has its name.
        ValueError: The file is truncated, or not a checkpoint.
    """
    path = fetch_checkpoint(str(path)) if is_address(path) else Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint {path} does not exist")
    if path.suffix == ".safetensors":
        return _read_safetensors(path, map_location)
    try:
        with torch.serialization.safe_globals([*_allowed(), *classes]):
            content = torch.load(path, map_location=map_location, weights_only=not _trusted)
    except pickle.UnpicklingError as error:
        if not zipfile.is_zipfile(path) and "Unsupported global" not in str(error):
            raise _broken(path) from error
        raise UnsafeCheckpointError(
            f"{path} contains more than weights: {_first_reason(error)}. Reading it could execute "
            "code. If you trust its author, pass --trust-checkpoint; or use a .safetensors file"
        ) from error
    except (RuntimeError, EOFError, OSError) as error:
        raise _broken(path) from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} contains a {type(content).__name__}, expected a dict of weights")
    return content


def state_dict_of(content: dict[str, Any], path: str | Path) -> dict[str, Tensor]:
    """Return the weights of a checkpoint, at the top level or under ``state_dict`` or ``model``.

    Raises:
        ValueError: There are no tensors; the message lists the keys.
    """
    for name in ("state_dict", "model"):
        if isinstance(content.get(name), dict):
            content = content[name]
    tensors = {key: value for key, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        raise ValueError(f"checkpoint {path} has no tensors; its keys: {list(content)[:5]}")
    return tensors


def _read_safetensors(path: Path, map_location: Any) -> dict[str, Any]:
    device = map_location if isinstance(map_location, str) else "cpu"
    try:
        return {"state_dict": load_file(path, device=device)}
    except SafetensorError as error:
        raise _broken(path) from error


def _broken(path: Path) -> ValueError:
    return ValueError(
        f"{path} ({path.stat().st_size:,} bytes) is truncated or not a checkpoint; get a new copy"
    )


def _first_reason(error: Exception) -> str:
    """The function or class that the file needs, from the long message of torch."""
    text = str(error.__context__ or error).removeprefix("WeightsUnpickler error: ").strip()
    return text.splitlines()[0].split(" was not an allowed")[0].rstrip(". ")


def _history_method(owner: Any, name: str) -> Any:
    """Replace ``getattr``, which files of MMEngine need for four methods of one class."""
    if owner is HistoryBuffer and name in ("min", "max", "mean", "current"):
        return getattr(HistoryBuffer, name)
    raise pickle.UnpicklingError(f"getattr of {name!r}")


def _allowed() -> list[Any]:
    """Allowed objects besides tensors: curves of MMEngine, NumPy numbers, arguments."""
    multiarray = cast(Any, np)._core.multiarray
    numbers = [type(np.dtype(kind)) for kind in (np.float32, np.float64, np.int64, np.uint32)]
    old_names = [  # of NumPy 1
        (multiarray._reconstruct, "numpy.core.multiarray._reconstruct"),
        (multiarray.scalar, "numpy.core.multiarray.scalar"),
    ]
    return [
        *(slice, np.ndarray, np.dtype, multiarray._reconstruct, multiarray.scalar, *numbers),
        *(*old_names, HistoryBuffer, (_history_method, "builtins.getattr")),
        argparse.Namespace,  # of a script, in the files of DINO, MAE and MoCo
    ]
