"""Make ``mmcv.ops`` and MMDetection work without the compiled operators of mmcv.

``mmcv.ops`` cannot be imported without the module ``mmcv._ext``, which has the compiled operators.
:func:`install` adds an import finder after all others that supplies a replacement for that module;
an mmcv with compiled operators does not use it. The replacement has the operators of
:mod:`mmdense.ops.mmcv_extension`. Any other operator raises an error that names it and explains how
to build mmcv with it.
"""

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
    """Supply missing operators to mmcv and torchvision.

    It can be called several times, before or after the import of the OpenMMLab packages. Modules
    that were imported without operators get them afterwards.
    """
    if not any(isinstance(finder, _ExtensionFinder) for finder in sys.meta_path):
        sys.meta_path.append(_ExtensionFinder())
    torchvision_ops.install()
    _fix_imported_modules()


def sources(device: str = "cpu") -> dict[str, str]:
    """Return the package that supplies each operator of ``mmcv.ops``.

    Args:
        device: device type on which the operator runs.

    Returns:
        From the name of an operator to ``'mmcv'``, ``'torchvision'``, ``'mmdense'`` or
        ``'missing'``.
    """
    importlib.import_module("mmcv.ops")
    extension = importlib.import_module(EXTENSION)
    names = sorted(n for n, op in vars(extension).items() if callable(op) and n[0] != "_")
    if not isinstance(extension, _Replacement):
        return dict.fromkeys(names, "mmcv")
    found = {name: "mmdense" if name in OPERATORS else "missing" for name in names}
    if device != "cpu" and torchvision_ops.library_is_loaded():
        found |= dict.fromkeys(_FROM_TORCHVISION, "torchvision")
    return found


class _Replacement(types.ModuleType):
    """``mmcv._ext`` without compiled code; an operator without replacement raises when called."""

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

        def missing(*args: Any, **kwargs: Any) -> NoReturn:
            raise NotImplementedError(
                f"mmcv.ops.{name}: this mmcv has no compiled operators, and mmdense has no "
                "replacement for this one. Build mmcv with its operators (about half an hour): "
                "MMCV_WITH_OPS=1 pip install --force-reinstall --no-cache-dir --no-deps "
                "--no-build-isolation onedl-mmcv"
            )

        setattr(self, name, missing)
        return missing


class _ExtensionFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the replacement; it is last in ``sys.meta_path``, so a compiled extension wins."""

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(fullname, self) if fullname == EXTENSION else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _Replacement(spec.name, "Replacement by mmdense for the compiled operators of mmcv.")

    def exec_module(self, module: types.ModuleType) -> None:
        vars(module).update(OPERATORS)


def _fix_imported_modules() -> None:
    """Replace the placeholders for ``mmcv.ops`` in modules that were imported without it.

    If the import fails, MMDetection defines functions and classes that raise, MMSegmentation sets
    the names to None, and the transformer bricks of mmcv lack one class.
    """
    early = [
        (module, name)
        for package, module in sorted(sys.modules.items())
        if package.split(".")[0] in ("mmdet", "mmpretrain", "mmseg")
        for name, value in list(vars(module).items())
        if _is_placeholder(value, module)
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


def _is_placeholder(value: object, module: types.ModuleType) -> bool:
    if value is None:
        return module.__name__.startswith("mmseg.")
    if getattr(value, "__module__", None) != module.__name__:
        return False
    function = vars(value).get("__init__") if isinstance(value, type) else value
    constants = getattr(getattr(function, "__code__", None), "co_consts", ())
    return any(isinstance(c, str) and "requires mmcv to be compiled" in c for c in constants)
