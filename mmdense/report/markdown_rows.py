"""Tables in Markdown, read again for a page whose tables sort."""

import re
from typing import NamedTuple

from mmdense.records.markdown import plain_text

__all__ = ["MarkdownTable", "read_markdown"]


class MarkdownTable(NamedTuple):
    """What stands in a table, without what only dresses it.

    Attributes:
        header: Of the columns.
        numbers: Whether each column holds numbers, which are aligned to the right.
        rows: As many cells each.
    """

    header: list[str]
    numbers: list[bool]
    rows: list[list[str]]


def read_markdown(text: str) -> MarkdownTable:
    """The only table of a text, as :func:`mmdense.records.markdown.markdown` writes one.

    Returns:
        The table; one without columns where the text has none.
    """
    lines = [_cells(line) for line in text.splitlines() if line.startswith("|")]
    if not lines:
        return MarkdownTable([], [], [])
    header, rule, *rows = lines
    return MarkdownTable(header, [dashes.endswith(":") for dashes in rule], rows)


def _cells(line: str) -> list[str]:
    cells = re.split(r"(?<!\\)\|", line.strip()[1:-1])
    return [plain_text(cell.strip().replace("\\|", "|")) for cell in cells]
