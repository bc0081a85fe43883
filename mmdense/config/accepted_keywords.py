"""Which keyword arguments a class or function takes, found without calling it.

A constructor with ``**kwargs`` is followed to the constructor that it hands them to, as far as its
source tells.
"""

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from torch import nn

__all__ = ["accepted_keywords"]

_READERS = ("get", "pop", "setdefault")  # methods of a dictionary whose first argument is a key
# What gets the keywords of a constructor, but only long after it has run.
_LATER = {CheckpointHook: inspect.unwrap(Runner.save_checkpoint)}


@functools.cache
def accepted_keywords(target: Callable) -> frozenset[str] | None:
    """Names that ``target(name=...)`` takes; None where it takes any, or that is not known."""
    try:
        return frozenset(_of_class(target) if inspect.isclass(target) else _of_function(target))
    except _UnknownError:
        return None


class _UnknownError(Exception):
    """Any keyword may be taken."""


class _Use:
    """What a constructor does with its ``**kwargs``."""

    def __init__(self) -> None:
        self.handed_on = False
        # Whose constructor gets them: the next class's; that of the class ``begin``; or, ``after``,
        # that of the class behind it.
        self.begin: str | None = None
        self.after = False
        self.keys: set[str] = set()  # keys that it takes out itself


def _of_function(function: Callable) -> set[str]:
    names, catch_all = _parameters(function)
    if catch_all is not None:
        raise _UnknownError
    return names


def _of_class(target: type) -> set[str]:
    names: set[str] = set()
    classes = list(target.__mro__)
    while classes:
        cls = classes.pop(0)
        constructor = vars(cls).get("__init__")
        if constructor is None:
            continue
        if cls is object and target.__new__ is not object.__new__:
            raise _UnknownError
        if cls in (object, nn.Module):  # they take none, and say so by raising
            break
        own, catch_all = _parameters(constructor)
        names |= own
        if cls in _LATER:
            names |= _of_function(_LATER[cls])
        if catch_all is None or cls in _LATER:
            break
        use = _use_of(catch_all, constructor)
        names |= use.keys
        if use.begin is not None and not (use.after and use.begin == cls.__name__):
            while classes and classes[0].__name__ != use.begin:
                classes.pop(0)
            if not classes:
                raise _UnknownError
            if use.after:
                classes.pop(0)
    return names


def _parameters(function: Callable) -> tuple[set[str], str | None]:
    """The named parameters without ``self``, and the name of ``**kwargs``."""
    if hasattr(function, "__wrapped__"):  # a decorator may rename arguments
        raise _UnknownError
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:  # compiled
        raise _UnknownError from error
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = {p.name for p in parameters if p.kind in kinds and p.name != "self"}
    catch_all = [p.name for p in parameters if p.kind is inspect.Parameter.VAR_KEYWORD]
    return names, catch_all[0] if catch_all else None


def _use_of(name: str, constructor: Callable) -> _Use:
    """What is done with the keywords ``name``."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(constructor)))
    except (OSError, TypeError, SyntaxError) as error:
        raise _UnknownError from error
    use = _Use()
    understood = sum(_understand(node, name, use) for node in ast.walk(tree))
    mentions = sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))
    if understood != mentions or not use.handed_on:
        raise _UnknownError
    return use


def _understand(node: ast.AST, name: str, use: _Use) -> int:
    """Add what ``node`` does with the keywords to ``use``; returns the mentions that this is."""

    def is_name(value: Any) -> bool:
        return isinstance(value, ast.Name) and value.id == name

    def take(key: Any) -> int:
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            use.keys.add(key.value)
            return 1
        return 0

    understood = 0
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "__init__":
            understood = sum(word.arg is None and is_name(word.value) for word in node.keywords)
            if understood:
                use.handed_on = True
                use.begin, use.after = _called_class(node.func.value)
        elif is_name(node.func.value) and node.func.attr in _READERS and node.args:
            understood = take(node.args[0])
        elif is_name(node.func.value) and node.func.attr == "update":
            understood = 1
    elif isinstance(node, ast.Subscript) and is_name(node.value):
        understood = take(node.slice)
    elif isinstance(node, ast.Compare) and is_name(node.comparators[0]):
        understood = take(node.left)
    return understood


def _called_class(called: ast.expr) -> tuple[str | None, bool]:
    """``(Base, False)`` of ``Base.__init__(self)``, ``(Base, True)`` of ``super(Base, self)``."""
    if isinstance(called, ast.Name):
        return called.id, False
    if isinstance(called, ast.Attribute):
        return called.attr, False
    if isinstance(called, ast.Call) and called.args and isinstance(called.args[0], ast.Name):
        return called.args[0].id, True
    return None, False
