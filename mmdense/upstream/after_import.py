"""Run a function after the import of a module."""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Callable

__all__ = ["after_import"]

Action = Callable[[types.ModuleType], None]


def after_import(name: str, action: Action) -> None:
    """Call ``action(module)`` after the import of the module ``name``, or now if it is imported.

    The action runs before the importing module continues, so it can replace names that this module
    imports. A second action for the same module replaces the first.

    Args:
        name: full dotted name of a module that is loaded from a file.
        action: receives the executed module.
    """
    if name in sys.modules:
        action(sys.modules[name])
        return
    finder = next((f for f in sys.meta_path if isinstance(f, _Finder)), None)
    if finder is None:
        finder = _Finder()
        sys.meta_path.insert(0, finder)
    finder.actions[name] = action


class _Finder(importlib.abc.MetaPathFinder):
    """Uses the other finders to find a module, and runs the action after its loader."""

    def __init__(self) -> None:
        self.actions: dict[str, Action] = {}

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        action = self.actions.pop(fullname, None)
        if action is None:
            return None
        try:
            spec = importlib.util.find_spec(fullname)  # this finder now has no action for it
        finally:
            self.actions[fullname] = action  # for another try after a failed import
        if spec is not None and spec.loader is not None:
            _extend(spec.loader, action)
        return spec


def _extend(loader: importlib.abc.Loader, action: Action) -> None:
    execute = loader.exec_module

    def exec_module(module: types.ModuleType) -> None:
        execute(module)
        action(module)

    loader.exec_module = exec_module  # type: ignore[method-assign]
