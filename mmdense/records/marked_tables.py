"""Generated tables inside Markdown files, between two comments that name them.

    <!-- table:pipelines -->
    (this text is replaced)
    <!-- /table:pipelines -->

Each comment has its own line. Fenced code blocks are not changed.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

_MARK = re.compile(r"<!-- (/?)table:(\S+) -->")
_FENCE = re.compile(r"\s*(```|~~~)")


class MarkError(ValueError):
    """A mark is unknown or unpaired, or its table failed; the message names file and line."""


def fill_tables(text: str, tables: Mapping[str, Callable[[], str]], file: str | Path) -> str:
    """Replace the text between the marks of each table.

    Args:
        text: Text of a Markdown file.
        tables: Functions that return a table, by name.
        file: Name of the file, for messages.

    Returns:
        The new text; equal to the old one if every table is up to date.

    Raises:
        MarkError: A table is unknown, its records lack values, or an opening or closing mark is
            missing.
    """
    lines: list[str] = []
    opened: tuple[str, int] | None = None  # the open table and its line
    fenced = False
    for number, line in enumerate(text.splitlines(), start=1):
        fenced ^= bool(_FENCE.match(line)) and opened is None
        mark = None if fenced else _MARK.fullmatch(line.strip())
        if mark is None:
            lines += [] if opened else [line]
            continue
        closing, name = mark[1] == "/", mark[2]
        if name not in tables:
            known = ", ".join(sorted(tables))
            raise MarkError(f"{file}:{number}: unknown table {name!r}; the tables are {known}")
        if closing != (opened is not None) or (opened and opened[0] != name):
            state = f"{opened[0]!r} of line {opened[1]} is open" if opened else "none is open"
            raise MarkError(f"{file}:{number}: {line.strip()} where {state}")
        opened = None if closing else (name, number)
        lines.append(line)
        if not closing:
            try:
                lines.append(tables[name]())
            except ValueError as error:
                raise MarkError(
                    f"{file}:{number}: table {name!r} cannot be made. {error}. Remove its two "
                    "marks, or keep a record with these values"
                ) from error
    if opened:
        raise MarkError(f"{file}:{opened[1]}: table {opened[0]!r} has no closing mark")
    return "\n".join(lines) + ("\n" if text.endswith("\n") else "")
