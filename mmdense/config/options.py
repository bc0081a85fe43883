"""``--cfg-options KEY=VALUE``: values of a config from the command line.

This differs from MMEngine in two ways. MMEngine removes all spaces from a value, so
``/data/my images`` would become another folder; here spaces are kept. MMEngine merges options after
it has executed the config files, so a variable of a file (``max_epochs``, ``data_root``) has no
effect on values computed from it; here variables are set while the files are executed.
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

from mmdense.config.usage_error import UsageError

__all__ = [
    "ConfigOptions",
    "format_options",
    "merge_options",
    "parse_value",
    "read_config",
    "read_keys",
    "replaced",
    "set_variables",
]

# Top-level keys of a config that the runner and tools of OpenMMLab and mmdense read, in addition to
# the parameters of MMEngine's runner.
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
    """Return the top-level keys of a config that a run reads; all others are variables."""
    return _READ | set(inspect.signature(Runner.__init__).parameters) - {"self", "cfg"}


class ConfigOptions(DictAction):
    """The argparse action of ``--cfg-options``, with MMEngine's grammar and verbatim strings.

    A value is a number, ``True``, ``False``, ``None``, or else a string. A string keeps its spaces,
    backslashes, and single quotes or brackets. ``a,b`` and ``[a,b]`` are lists, ``(a,b)`` is a
    tuple. A value in quotes is always a string: ``'"a,b"'``, ``'"12"'``.
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
                    f"{word!r} is not KEY=VALUE. Quote a value with spaces, such as "
                    '"data_root=/data/my images", and put other arguments before --cfg-options',
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
    """Return the ``KEY=VALUE`` arguments that :class:`ConfigOptions` parses to these options.

    Raises:
        ValueError: A value cannot be written as an argument.
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
    """Return a config as ``Config.fromfile`` does, with options from the command line.

    Args:
        filename: Path of the config.
        options: Values by dotted keys.
        settings: Further arguments of ``Config.fromfile``.

    Raises:
        UsageError: An option would have no effect: see :func:`merge_options`.
    """
    with set_variables(options or {}):
        cfg = Config.fromfile(filename, **settings)
    merge_options(cfg, options or {})
    return cfg


@contextmanager
def set_variables(options: Mapping[str, Any]) -> Iterator[None]:
    """Set the variables in ``options`` in all config files that are read inside the context.

    A variable is a top-level name of a file that a run does not read. Its value is replaced after
    each assignment, so that all values computed from it change, too. If the old value ends with a
    slash, a slash is appended to the new one, because configs concatenate paths as strings.
    """
    nested = _nested(options)
    # A runner reads `data_preprocessor` only if the model has none; in most configs it has one.
    names = set(nested) - (read_keys() - {"data_preprocessor"})
    if not names:
        yield
        return
    # These rewrite a file before it is executed: `_base_` configs and pure Python configs.
    rewriters = {
        name: _followed_by_setting(getattr(upstream, name), names)
        for name in ("RemoveAssignFromAST", "ImportTransformer")
    }
    _VALUES.update({name: nested[name] for name in names})
    try:
        with replaced(upstream, **rewriters):
            yield
    finally:
        _VALUES.clear()


@contextmanager
def replaced(owner: Any, **attributes: Any) -> Iterator[None]:
    """Replace attributes of a module or class of MMEngine inside the context."""
    before = {name: vars(owner)[name] for name in attributes}
    try:
        for name, value in attributes.items():
            setattr(owner, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(owner, name, value)


def merge_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Merge the options into a config that was read inside :func:`set_variables`.

    Raises:
        UsageError: Neither the config has the top-level key nor does a run read it; a part of a
            dotted key is not in a dict or list; or a plain value would replace a dict.
    """
    known = read_keys() | set(cfg)
    if "data_preprocessor" in cfg.get("model", {}) and "data_preprocessor" not in cfg:
        known.remove("data_preprocessor")  # the model has its own
    for key in options:
        if (name := key.partition(".")[0]) not in known:
            raise UsageError(_without_effect(cfg, name))
    if faults := [fault for key in options if (fault := _fault(cfg, key, options[key]))]:
        raise UsageError(f"--cfg-options {'; '.join(faults)}")
    if not isinstance(scope := options.get("default_scope", ""), str):
        raise UsageError(f"--cfg-options default_scope: {scope!r} is no package, such as mmdet")
    changes = {
        # Same slash as in set_variables.
        key: _with_slash(value, cfg[key]) if key in cfg and key not in read_keys() else value
        for key, value in options.items()
    }
    cfg.merge_from_dict(changes)


def set_variable(name: str, value: Any) -> Any:
    """Return the value of a variable from the command line; rewritten config files call this."""
    option = _VALUES[name]
    return _changed(value, option) if isinstance(option, dict) else _with_slash(option, value)


def _changed(value: Any, changes: Any) -> Any:
    """Return a copy of a value with nested changes, without those that do not fit.

    :func:`merge_options` merges all later, as MMEngine does, and reports those that do not fit.
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


#: Values for :func:`set_variable` while a config is read.
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
    """Return a folder with a slash at the end if the replaced value has one."""
    if isinstance(value, str) and isinstance(before, str) and value and before.endswith("/"):
        return value.removesuffix("/") + "/"
    return value


def _nested(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{"a": {"b": 1}}`` for ``{"a.b": 1}``."""
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
    """Return the error message for an option without effect, with similar keys."""
    text = f"--cfg-options {name}: {cfg.filename} has no variable {name}, and no run reads it"
    if keys := sorted(_keys_named(cfg._cfg_dict.to_dict(), name), key=lambda key: key.count(".")):
        return f"{text}. Set {' or '.join(keys[:3])}"
    nearest = difflib.get_close_matches(name, sorted(read_keys() | set(cfg)), n=1)
    return f"{text}. Did you mean {nearest[0]}?" if nearest else f"{text}. See mmdense print_config"


def _fault(cfg: Config, key: str, value: Any) -> str:
    """Return why a value does not fit at a dotted key of a config; empty if it fits."""
    node: Any = cfg._cfg_dict.to_dict()
    path = key.split(".")
    for place, part in enumerate(path):
        where = ".".join(path[:place])
        if isinstance(node, list | tuple):
            if place == len(path) - 1 or isinstance(node, tuple) or not _holds_keys(node):
                return f"{key}: entries of {where} cannot be set separately: set the whole list"
            if not part.isdigit() or int(part) >= len(node):
                return f"{key}: {where} has the entries 0 to {len(node) - 1}, not {part}"
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
        return f"{key}: {value!r} cannot replace a dict: set {key}.KEY=VALUE, or None"
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
    # It must also be correct in a list, where a comma ends a value.
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
    """Yield the characters outside quotes; quotes are only at the start and end of a value.

    Raises:
        ValueError: A quote is not closed, and there is a comma between values.
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
        raise ValueError(f"unclosed quotes in {text!r}")


def _split(text: str) -> list[str]:
    """Split at commas outside brackets and quotes; a trailing comma is ignored."""
    parts, depth, start = [], 0, 0
    for place, char in _outside_quotes(text):
        depth += (char in _OPENING) - (char in _CLOSING)
        if char == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    if depth and "," in text:
        raise ValueError(f"unbalanced brackets in {text!r}; put quotes around a string")
    return [*parts, text[start:]] if text[start:].strip() else parts


def _end_of_bracket(text: str) -> int:
    """Return the position where the first bracket of a text closes; -1 if it does not."""
    depth = 0
    for place, char in _outside_quotes(text):
        depth += (char in _OPENING) - (char in _CLOSING)
        if depth == 0:
            return place
    return -1
