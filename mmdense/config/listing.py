"""A config as Python text, one value on each line, with the origin of each value in a column.

The text is itself a config: the column is comments.
"""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mmengine.runner import Runner
from rich.console import Console
from rich.text import Text

from mmdense.config.origin import KeyPath, TracedConfig

__all__ = ["RUNNER_DEFAULT", "Line", "listing", "print_listing"]

RUNNER_DEFAULT = "default of MMEngine"

_WIDTH = 60  # a longer line pushes its comment to the right
_INDENT = "    "
_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green", "red")


@dataclass
class Line:
    """A line of a config, and where its value was written; a closing bracket has no origin."""

    text: str
    origin: str | None = None


def listing(traced: TracedConfig) -> list[Line]:
    """Return the lines of a config, then the defaults of MMEngine's runner."""
    lines: list[Line] = []
    for key, value in traced.config.to_dict().items():
        for path, text in _lines(f"{key} = ", value, (key,), ""):
            lines.append(Line(text, traced.origins.of(path) if path else None))
    lines += [
        Line(f"{name} = {default!r}", RUNNER_DEFAULT)
        for name, default in _runner_defaults().items()
        if name not in traced.config
    ]
    return lines


def print_listing(lines: list[Line], console: Console) -> None:
    """Print the lines with their comments; on a terminal, each origin has a colour."""
    width = max((len(line.text) for line in lines if len(line.text) <= _WIDTH), default=0)
    origins = list(dict.fromkeys(line.origin for line in lines if line.origin))
    for line in lines:
        text = Text(line.text)
        if line.origin:
            colour = _COLOURS[origins.index(line.origin) % len(_COLOURS)]
            text.pad_right(max(0, width - len(line.text)) + 2)
            text.append(f"# {line.origin}", style=colour)
        console.print(text, soft_wrap=True)


def _lines(
    head: str, value: Any, path: KeyPath, indent: str, tail: str = ""
) -> Iterator[tuple[KeyPath | None, str]]:
    """The lines of ``head`` and a value, each with the path that its origin is asked for.

    A dictionary, and a list with a dictionary in it, is opened: one line for each entry.
    """
    if isinstance(value, Mapping) and value:
        identifiers = all(isinstance(key, str) and key.isidentifier() for key in value)
        opening, closing = ("dict(", ")") if identifiers else ("{", "}")
        heads = {key: f"{key}=" if identifiers else f"{key!r}: " for key in value}
        entries = [(heads[key], entry, key) for key, entry in value.items()]
    elif isinstance(value, list | tuple) and any(isinstance(v, dict | list | tuple) for v in value):
        opening, closing = ("[", "]") if isinstance(value, list) else ("(", ")")
        entries = [("", entry, number) for number, entry in enumerate(value)]
    else:
        yield path, f"{indent}{head}{value!r}{tail}"
        return
    yield path, f"{indent}{head}{opening}"
    for entry_head, entry, key in entries:
        yield from _lines(entry_head, entry, (*path, key), indent + _INDENT, ",")
    yield None, f"{indent}{closing}{tail}"


def _runner_defaults() -> dict[str, Any]:
    """Return the defaults of MMEngine's runner for missing keys, except None."""
    parameters = inspect.signature(Runner.__init__).parameters
    return {
        name: parameter.default
        for name, parameter in parameters.items()
        if parameter.default is not inspect.Parameter.empty and parameter.default is not None
    }
