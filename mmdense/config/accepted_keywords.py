"""Keyword arguments of a class or function, from the signatures of its constructors."""

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable

from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from torch import nn

__all__ = ["accepted_keywords"]

# Keywords that a constructor keeps for a function that gets them later.
_LATER = {CheckpointHook: inspect.unwrap(Runner.save_checkpoint)}


@functools.cache
def accepted_keywords(target: Callable) -> frozenset[str] | None:
    """Return the names that ``target(name=...)`` takes; None where any, or not known.

    A constructor that does nothing with its ``**kwargs`` but ``super().__init__(**kwargs)`` takes
    what the next constructor takes. One that uses them in any other way takes any name.
    """
    return _of_class(target) if inspect.isclass(target) else _of_function(target)


def _of_function(function: Callable) -> frozenset[str] | None:
    names, catch_all = _parameters(function)
    return None if catch_all else names


def _of_class(target: type) -> frozenset[str] | None:
    names: frozenset[str] = frozenset()
    for cls in target.__mro__:
        constructor = vars(cls).get("__init__")
        if cls is object and target.__new__ is not object.__new__:
            return None
        if cls in (object, nn.Module):  # they refuse all
            break
        if constructor is None:
            continue
        own, catch_all = _parameters(constructor)
        names |= own
        if cls in _LATER:
            return names | _parameters(_LATER[cls])[0]
        if catch_all is None:
            break
        if not _hands_on(catch_all, constructor, cls):
            return None
    return names


def _parameters(function: Callable) -> tuple[frozenset[str], str | None]:
    """Return the named parameters without ``self``, and the name of ``**kwargs``.

    A compiled function, and a decorated one, whose decorator may rename arguments, takes any.
    """
    if hasattr(function, "__wrapped__"):
        return frozenset(), "kwargs"
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return frozenset(), "kwargs"
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = frozenset(p.name for p in parameters if p.kind in named and p.name != "self")
    catch_all = [p.name for p in parameters if p.kind is inspect.Parameter.VAR_KEYWORD]
    return names, catch_all[0] if catch_all else None


def _hands_on(name: str, constructor: Callable, cls: type) -> bool:
    """Return whether a constructor uses ``**name`` only in ``super().__init__(**name)``."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(constructor)))
    except (OSError, TypeError, SyntaxError):
        return False
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    getting = [ast.unparse(call.func) for call in calls if _gets(call, name)]
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
    following = {"super().__init__", f"super({cls.__name__}, self).__init__"}
    return len(getting) == len(uses) > 0 and {*getting} <= following


def _gets(call: ast.Call, name: str) -> bool:
    """Return whether a call has ``**name``."""
    return any(
        word.arg is None and isinstance(word.value, ast.Name) and word.value.id == name
        for word in call.keywords
    )
