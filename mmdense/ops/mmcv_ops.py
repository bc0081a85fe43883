"""Let ``mmcv.ops`` and MMDetection work where mmcv's compiled operators are missing.

mmcv keeps its compiled operators in the module ``mmcv._ext`` and cannot import ``mmcv.ops`` without
it. :func:`install` adds an import finder behind all others that offers a stand-in under that name;
an mmcv with compiled operators never asks it. The stand-in holds the operators of
:mod:`mmdense.ops.mmcv_extension`. Any other name in it is a function that raises an error, which
names the operator and says how to get it.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Callable
from typing import Any, NoReturn

from mmdense.ops import torchvision_ops
from mmdense.ops.mmcv_extension import OPERATORS

EXTENSION = "mmcv._ext"
_FROM_TORCHVISION = ("nms", "roi_align_backward", "roi_align_forward")


def install() -> None:
    """Offer operators to mmcv and torchvision; does nothing where nothing is missing.

    Call it as often as you like, before or after the import of the host's packages. Modules of the
    host that were imported earlier, and took note that mmcv's operators were missing, are mended.
    """
    if not any(isinstance(finder, _ExtensionFinder) for finder in sys.meta_path):
        sys.meta_path.append(_ExtensionFinder())
    torchvision_ops.install()
    _mend_imported_modules()


def sources(device: str = "cpu") -> dict[str, str]:
    """Tell who supplies each operator that ``mmcv.ops`` asks for.

    Args:
        device: kind of device that the operator would run on.

    Returns:
        From operator to ``'mmcv'``, ``'torchvision'``, ``'mmdense'`` or ``'missing'``, by name.
    """
    importlib.import_module("mmcv.ops")
    extension = importlib.import_module(EXTENSION)
    names = sorted(n for n, op in vars(extension).items() if callable(op) and n[0] != "_")
    if not isinstance(extension, _StandIn):
        return dict.fromkeys(names, "mmcv")
    found = {name: "mmdense" if name in OPERATORS else "missing" for name in names}
    if device != "cpu" and torchvision_ops.library_is_loaded():
        found |= dict.fromkeys(_FROM_TORCHVISION, "torchvision")
    return found


class _StandIn(types.ModuleType):
    """``mmcv._ext`` without a compiler: any name exists, and one not supplied says so if called."""

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

        def missing(*args: Any, **kwargs: Any) -> NoReturn:
            raise NotImplementedError(
                f"the operator {name!r} of mmcv exists only as compiled code, and this mmcv has "
                "none. Build mmcv with its operators (it takes about half an hour): "
                "MMCV_WITH_OPS=1 pip install --force-reinstall --no-cache-dir --no-deps "
                "--no-build-isolation onedl-mmcv"
            )

        setattr(self, name, missing)
        return missing


class _ExtensionFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the stand-in; asked only after every other finder has found no extension."""

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(fullname, self) if fullname == EXTENSION else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _StandIn(spec.name, "Stand-in for mmcv's compiled operators, by mmdense.")

    def exec_module(self, module: types.ModuleType) -> None:
        vars(module).update(OPERATORS)


def _mend_imported_modules() -> None:
    """Put the real things where modules imported too early hold a substitute for ``mmcv.ops``.

    The host catches the failed import: MMDetection then defines functions and classes of the same
    names that raise, MMSegmentation sets the names to None, and mmcv's transformer bricks go
    without.
    """
    early = [
        (module, name)
        for package, module in sorted(sys.modules.items())
        if package.split(".")[0] in ("mmdet", "mmpretrain", "mmseg")
        for name, value in list(vars(module).items())
        if _is_substitute(value, module)
    ]
    bricks = sys.modules.get("mmcv.cnn.bricks.transformer")
    if bricks is not None and not hasattr(bricks, "MultiScaleDeformableAttention"):
        early.append((bricks, "MultiScaleDeformableAttention"))
    if not early:
        return
    ops = importlib.import_module("mmcv.ops")
    for module, name in early:
        if hasattr(ops, name.lstrip("_")):
            setattr(module, name, getattr(ops, name.lstrip("_")))


def _is_substitute(value: object, module: types.ModuleType) -> bool:
    if value is None:
        return module.__name__.startswith("mmseg.")
    if getattr(value, "__module__", None) != module.__name__:
        return False
    function = vars(value).get("__init__") if isinstance(value, type) else value
    constants = getattr(getattr(function, "__code__", None), "co_consts", ())
    return any(isinstance(c, str) and "requires mmcv to be compiled" in c for c in constants)
