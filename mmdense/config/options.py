"""``--cfg-options KEY=VALUE``: values of a config from the command line.

MMEngine's own way has two traps. It removes every space from a value, so ``/data/my photos`` is
another folder. And it merges the options when the config files have been executed, so a variable
from which they computed other values (``max_epochs``, ``data_root``) no longer changes anything.
Here a value stays as it was written, and such a variable is set while the files are executed.
"""

import argparse
import ast
import copy
import difflib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mmengine.config.config as upstream
from mmengine.config import Config, DictAction
from mmengine.runner import Runner

from mmdense.config.arguments import UsageError

__all__ = [
    "ConfigOptions",
    "format_options",
    "merge_options",
    "parse_value",
    "read_config",
    "read_keys",
    "set_variables",
]

# Names at the top of a config that are read besides the parameters of MMEngine's runner: by the
# runner itself, by upstream's tools, and by ours.
_READ = {
    "activation_checkpointing",
    "channels_last",
    "compile",
    "custom_imports",
    "default_scope",
    "efficient_conv_bn_eval",
    "expected",
    "find_unused_parameters",
    "model_wrapper_cfg",
    "runner_type",
    "strategy",
    "sync_bn",
    "tta_model",
    "tta_pipeline",
    "work_dir",
}
_OPENING, _CLOSING = "[(", "])"


def read_keys() -> set[str]:
    """Return the names at the top of a config that a run reads; others are variables."""
    return _READ | set(inspect.signature(Runner.__init__).parameters) - {"self", "cfg"}


class ConfigOptions(DictAction):
    """The argparse action of ``--cfg-options``; MMEngine's grammar, with verbatim strings.

    A value is a number, ``True``, ``False``, ``None``, or else a string, as it is written: spaces,
    backslashes and single quotes or brackets in it stay. ``a,b`` and ``[a,b]`` are lists, ``(a,b)``
    is a tuple. A string in quotes of its own is never anything else: ``'"a,b"'``, ``'"12"'``.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Add ``{dotted key: value}``."""
        options = dict(getattr(namespace, self.dest, None) or {})
        for word in values or ():
            key, equals, text = word.partition("=")
            if not equals or not all(key.split(".")):
                raise argparse.ArgumentError(
                    self,
                    f"{word!r} is not KEY=VALUE. Quote a value that has spaces, such as "
                    '"data_root=/data/my photos", and give other arguments before --cfg-options',
                )
            try:
                options[key] = parse_value(text)
            except ValueError as error:
                raise argparse.ArgumentError(self, f"{key}: {error}") from None
        setattr(namespace, self.dest, options)


def parse_value(text: str) -> Any:
    """Return the value of an option; see :class:`ConfigOptions`.

    Raises:
        ValueError: Brackets or quotes of a list are not balanced.
    """
    bare = text.strip()
    if len(bare) > 1 and bare[0] in "\"'" and bare[0] == bare[-1]:
        parts = _split(bare)
        if len(parts) == 1:
            return bare[1:-1]
    elif bare[:1] and bare[0] in _OPENING and _end_of_bracket(bare) == len(bare) - 1:
        values = [parse_value(part.strip()) for part in _split(bare[1:-1])]
        return tuple(values) if bare[0] == "(" else values
    else:
        parts = _split(text)
    if len(parts) > 1 or text.rstrip().endswith(","):
        return [parse_value(part.strip()) for part in parts]
    return DictAction._parse_int_float_bool(text)


def format_options(options: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the ``KEY=VALUE`` that :class:`ConfigOptions` reads back as these options.

    Raises:
        ValueError: A value has no such form.
    """
    words = []
    for key, value in options.items():
        if isinstance(value, Mapping):
            words += format_options(value, f"{prefix}{key}.")
        else:
            words.append(f"{prefix}{key}={_format(value, f'{prefix}{key}')}")
    return words


def read_config(
    filename: str | Path, options: Mapping[str, Any] | None = None, **settings: Any
) -> Config:
    """Read a config as ``Config.fromfile`` does, with options from the command line.

    Args:
        filename: The config.
        options: Values by dotted keys.
        settings: Further arguments of ``Config.fromfile``.

    Raises:
        UsageError: An option cannot have an effect: see :func:`merge_options`.
    """
    with set_variables(options or {}):
        cfg = Config.fromfile(filename, **settings)
    merge_options(cfg, options or {})
    return cfg


@contextmanager
def set_variables(options: Mapping[str, Any]) -> Iterator[None]:
    """Set the variables among ``options`` wherever a config file that is read inside assigns them.

    A variable is a name at the top of a file that a run does not read itself. After each statement
    that assigns it, its value is replaced, so everything that is computed from it follows. A
    folder that the file ends in a slash gets one, too: configs join paths by adding strings.
    """
    nested = _nested(options)
    # A runner reads `data_preprocessor` only where the model has none; most configs give it one.
    names = set(nested) - (read_keys() - {"data_preprocessor"})
    if not names:
        yield
        return
    # These rewrite a file before it is executed: one in the `_base_` style, one in pure Python.
    rewriters = ("RemoveAssignFromAST", "ImportTransformer")
    before = {rewriter: getattr(upstream, rewriter) for rewriter in rewriters}
    _VALUES.update({name: nested[name] for name in names})
    for rewriter, kind in before.items():
        setattr(upstream, rewriter, _followed_by_setting(kind, names))
    try:
        yield
    finally:
        for rewriter, kind in before.items():
            setattr(upstream, rewriter, kind)
        _VALUES.clear()


def merge_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Merge the options into a config that was read under :func:`set_variables`.

    Raises:
        UsageError: The config has no such name at its top and no run reads it; a key leads through
            a value that has no keys; or a value takes the place of keys.
    """
    known = read_keys() | set(cfg)
    if "data_preprocessor" in cfg.get("model", {}) and "data_preprocessor" not in cfg:
        known.remove("data_preprocessor")  # the model has taken it
    for key in options:
        if (name := key.partition(".")[0]) not in known:
            raise UsageError(_without_effect(cfg, name))
    if faults := [fault for key in options if (fault := _fault(cfg, key, options[key]))]:
        raise UsageError(f"--cfg-options {'; '.join(faults)}")
    changes = {
        # As while the files were executed.
        key: _with_slash(value, cfg[key]) if key in cfg and key not in read_keys() else value
        for key, value in options.items()
    }
    cfg.merge_from_dict(changes)


def set_variable(name: str, value: Any) -> Any:
    """Return the value that the command line gives a variable; config files call this."""
    option = _VALUES[name]
    return _changed(value, option) if isinstance(option, dict) else _with_slash(option, value)


def _changed(value: Any, changes: Any) -> Any:
    """Return a copy of a value with nested changes; those that do not fit are left out.

    :func:`merge_options` merges them later, as MMEngine does, and reports what does not fit.
    """
    if not isinstance(changes, dict):
        return changes
    result = copy.copy(value)
    for key, change in changes.items():
        if isinstance(result, dict) and (key in result or not _into_list(change)):
            result[key] = _changed(result.get(key), change)
        elif isinstance(result, list) and key.isdigit() and int(key) < len(result):
            result[int(key)] = _changed(result[int(key)], change)
        elif result is None:
            result = {key: _changed(None, change)}
    return result


def _into_list(change: Any) -> bool:
    return isinstance(change, dict) and any(map(str.isdigit, change))


#: What :func:`set_variable` gives, while a config is read.
_VALUES: dict[str, Any] = {}


def _followed_by_setting(rewriter: type, names: set[str]) -> type:
    class Rewriter(rewriter):
        def visit_Module(self, node: ast.Module) -> ast.AST:  # noqa: N802
            module = _SetAfterAssignment(names).visit(self.generic_visit(node))
            return ast.fix_missing_locations(module)

    return Rewriter


class _SetAfterAssignment(ast.NodeTransformer):
    """Adds ``name = set_variable("name", name)`` after each assignment outside of functions."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def visit_Assign(self, node: Any) -> Any:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        stored = {
            name.id
            for target in targets
            for name in ast.walk(target)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
        module = f"__import__({__name__!r}, fromlist=['set_variable'])"
        lines = [f"{n} = {module}.set_variable({n!r}, {n})" for n in sorted(stored & self.names)]
        added = ast.parse("\n".join(lines)).body if node.value is not None else []
        return [node, *(ast.copy_location(statement, node) for statement in added)]

    visit_AnnAssign = visit_AugAssign = visit_Assign  # noqa: N815

    def visit_FunctionDef(self, node: Any) -> Any:
        return node  # its variables are its own

    visit_ClassDef = visit_FunctionDef  # noqa: N815


def _with_slash(value: Any, before: Any) -> Any:
    """A folder with a slash at its end, where the one that it replaces had it."""
    if isinstance(value, str) and isinstance(before, str) and value and before.endswith("/"):
        return value.removesuffix("/") + "/"
    return value


def _nested(options: Mapping[str, Any]) -> dict[str, Any]:
    """``{"a.b": 1}`` as ``{"a": {"b": 1}}``."""
    nested: dict[str, Any] = {}
    for key, value in options.items():
        *path, last = key.split(".")
        place = nested
        for part in path:
            if not isinstance(place.get(part), dict):
                place[part] = {}
            place = place[part]
        place[last] = value
    return nested


def _without_effect(cfg: Config, name: str) -> str:
    """Describe an option without effect, and which keys it was probably meant for."""
    said = f"--cfg-options {name}: {cfg.filename} has no variable {name}, and no run reads it"
    if keys := sorted(_keys_named(cfg._cfg_dict.to_dict(), name), key=lambda key: key.count(".")):
        return f"{said}. Set {' or '.join(keys[:3])}"
    nearest = difflib.get_close_matches(name, sorted(read_keys() | set(cfg)), n=1)
    return f"{said}. Did you mean {nearest[0]}?" if nearest else f"{said}. See print_config.py"


def _fault(cfg: Config, key: str, value: Any) -> str:
    """Return why a config cannot have a value at a dotted key; empty where it can."""
    node: Any = cfg._cfg_dict.to_dict()
    path = key.split(".")
    for place, part in enumerate(path):
        where = ".".join(path[:place])
        if isinstance(node, list | tuple):
            if place == len(path) - 1 or isinstance(node, tuple) or not _holds_keys(node):
                return f"{key}: entries of {where} cannot be set alone: give all of the list"
            if not part.isdigit() or int(part) >= len(node):
                return f"{key}: {where} has the entries 0 to {len(node) - 1}, and no {part}"
            node = node[int(part)]
        elif isinstance(node, Mapping):
            if part not in node:
                inside = next((name for name in path[place + 1 :] if name.isdigit()), "")
                return f"{key}: there is no list {where}.{part} with an entry {inside}" * bool(
                    inside
                )
            node = node[part]
        else:
            return f"{key}: {where} is {node!r}, which has no {part}"
    if path[0] in read_keys() and _holds_keys(node) and isinstance(value, int | float | str):
        return f"{key}: {value!r} cannot take the place of keys: set {key}.KEY=VALUE, or None"
    return ""


def _holds_keys(node: Any) -> bool:
    if isinstance(node, list | tuple):
        return any(isinstance(entry, Mapping) for entry in node)
    return isinstance(node, Mapping)


def _keys_named(node: Any, name: str, prefix: str = "") -> Iterator[str]:
    if isinstance(node, list | tuple):
        node = dict(enumerate(node))
    for key, value in node.items() if isinstance(node, Mapping) else ():
        if key == name:
            yield f"{prefix}{key}"
        yield from _keys_named(value, name, f"{prefix}{key}.")


def _format(value: Any, key: str) -> str:
    if isinstance(value, list | tuple):
        opening, closing = "[]" if isinstance(value, list) else "()"
        text = opening + ",".join(_format(entry, key) for entry in value) + closing
    else:
        text = str(value)
    forms = [text, f"'{text}'", f'"{text}"']
    # In a list, too: there a comma ends it.
    fitting = [form for form in forms if _same(f"[{form}]", [value]) and _same(form, value)]
    if not fitting:
        raise ValueError(f"{key}: {value!r} cannot be written as KEY=VALUE")
    return fitting[0]


def _same(form: str, value: Any) -> bool:
    try:
        read = parse_value(form)
    except ValueError:
        return False
    return repr(read) == repr(value)


def _outside_quotes(text: str) -> Iterator[tuple[int, str]]:
    """Characters that are in no quotes; a quote opens where a value begins, closes where it ends.

    Raises:
        ValueError: A quote does not close, and there is a comma to separate values.
    """
    quote = ""
    for place, char in enumerate(text):
        if quote:
            if char == quote and text[place + 1 :].lstrip()[:1] in ("", ",", *_CLOSING):
                quote = ""
        elif char in "\"'" and text[:place].rstrip()[-1:] in ("", ",", *_OPENING):
            quote = char
        else:
            yield place, char
    if quote and "," in text:
        raise ValueError(f"quotes do not close in {text!r}")


def _split(text: str) -> list[str]:
    """Split at the commas outside of brackets and quotes; a comma at the end adds nothing."""
    parts, depth, start = [], 0, 0
    for place, char in _outside_quotes(text):
        depth += (char in _OPENING) - (char in _CLOSING)
        if char == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    if depth and "," in text:
        raise ValueError(f"brackets do not balance in {text!r}; put a string in quotes of its own")
    return [*parts, text[start:]] if text[start:].strip() else parts


def _end_of_bracket(text: str) -> int:
    """Where the bracket closes with which a text begins; -1 where it does not."""
    depth = 0
    for place, char in _outside_quotes(text):
        depth += (char in _OPENING) - (char in _CLOSING)
        if depth == 0:
            return place
    return -1
