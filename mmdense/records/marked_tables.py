"""Generated tables inside Markdown files, between two comments that name them.

    <!-- table:pipelines -->
    (whatever stands here is replaced)
    <!-- /table:pipelines -->

Each comment stands alone on its line. Lines inside a fenced code block are left as they are.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

_MARK = re.compile(r"<!-- (/?)table:(\S+) -->")
_FENCE = re.compile(r"\s*(```|~~~)")


class MarkError(ValueError):
    """A mark that names no table, has no partner or no table; the message names file and line."""


def fill_tables(text: str, tables: Mapping[str, Callable[[], str]], file: str | Path) -> str:
    """Replace what stands between the marks of each table.

    Args:
        text: A Markdown file.
        tables: Name of a table to what makes it.
        file: Name of the file, for messages.

    Returns:
        The new text, equal to the old one where every table is up to date.

    Raises:
        MarkError: An unknown table, one that its records cannot fill, or an opening without its
            closing mark or the reverse.
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
            raise MarkError(f"{file}:{number}: unknown table {name!r}; there are {known}")
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
                    f"{file}:{number}: table {name!r} cannot be made. {error}. Take out its two "
                    "marks, or keep a record that has what it shows"
                ) from error
    if opened:
        raise MarkError(f"{file}:{opened[1]}: table {opened[0]!r} has no closing mark")
    return "\n".join(lines) + ("\n" if text.endswith("\n") else "")
