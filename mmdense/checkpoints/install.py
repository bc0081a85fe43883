"""Make MMEngine read and write checkpoints with the functions of this folder."""

import os
import shutil
import tempfile
from types import ModuleType
from typing import Any

from mmengine.fileio import register_backend

from mmdense.checkpoints.atomic_backend import AtomicLocalBackend
from mmdense.checkpoints.read import read_checkpoint
from mmdense.upstream.after_import import after_import

__all__ = ["install"]


def install() -> None:
    """Register the writer now, and the reader after MMEngine's module of checkpoints is imported.

    That import takes seconds, and many programs load no checkpoint.
    """
    register_backend("local", AtomicLocalBackend, force=True, prefixes="")
    after_import("mmengine.runner.checkpoint", _register_readers)


def _register_readers(module: ModuleType) -> None:
    """Replace all readers of MMEngine.

    Its ``torchvision://``, ``open-mmlab://`` and ``mmcls://`` turn a name into a URL and call the
    module's ``load_from_http``. Everything else goes through ``_safe_torch_load``.
    """
    register = module.CheckpointLoader.register_scheme
    register(prefixes="", loader=load_from_local, force=True)
    register(prefixes=("http://", "https://"), loader=load_from_http, force=True)
    module.load_from_http = load_from_http  # type: ignore[attr-defined]
    module._safe_torch_load = _load_from_anything  # type: ignore[attr-defined]


def load_from_local(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Replace the loader of files. MMEngine logs a part of the name of this function."""
    return read_checkpoint(filename, "cpu" if map_location is None else map_location)


def load_from_http(filename: str, map_location: Any = None, **_: Any) -> dict[str, Any]:
    """Replace the loader of URLs; its folder and progress bar are ignored."""
    return load_from_local(filename, map_location)


def _load_from_anything(file: Any, map_location: Any = None, **_: Any) -> dict[str, Any]:
    if isinstance(file, str | os.PathLike):
        return load_from_local(os.fspath(file), map_location)
    with tempfile.NamedTemporaryFile(suffix=".pth") as copy:
        shutil.copyfileobj(file, copy)
        copy.flush()
        return load_from_local(copy.name, map_location)
