"""Makes MMEngine read and write checkpoints through this folder."""

import importlib.abc
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from mmengine.fileio import register_backend

from mmdense.checkpoints.atomic_backend import AtomicLocalBackend
from mmdense.checkpoints.read import read_checkpoint

__all__ = ["install"]

_LOADERS = "mmengine.runner.checkpoint"


def install() -> None:
    """Register the writer now, and the reader as soon as MMEngine's own is imported.

    That import takes seconds, which a program that loads no checkpoint need not spend.
    """
    register_backend("local", AtomicLocalBackend, force=True, prefixes="")
    if _LOADERS in sys.modules:
        _register_reader(sys.modules[_LOADERS])
    else:
        sys.meta_path.insert(0, _AfterImport())


class _AfterImport(importlib.abc.MetaPathFinder):
    """Finds one module the usual way, and adds to what its import does."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _LOADERS:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.loader is not None  # MMEngine has it
        execute = spec.loader.exec_module

        def execute_and_register(module: ModuleType) -> None:
            execute(module)
            _register_reader(module)

        spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec


def _register_reader(module: ModuleType) -> None:
    module.CheckpointLoader.register_scheme(prefixes="", loader=_load_from_local, force=True)


def _load_from_local(filename: str, map_location: Any) -> dict[str, Any]:
    return read_checkpoint(filename, "cpu" if map_location is None else map_location)
