"""A table that sorts by a click on a header, or by a key on it; without a script it is a table."""

import math
import re
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

__all__ = ["Cell", "number_cell", "sortable_table"]

_LONG = 36  # characters of the name of a row that gets a wide column


class Cell(NamedTuple):
    """What stands in one place of a table.

    Attributes:
        text: As a person reads it.
        value: What it is sorted by; None of words, which are sorted as words. NaN comes last.
        best: Whether it is the best of its column.
        note: Small, below the text.
    """

    text: str
    value: float | None = None
    best: bool = False
    note: str = ""


def number_cell(value: float | None, text: str | None = None) -> Cell:
    """A number with four significant digits, or with a text of its own; a dash for None."""
    if value is None:
        return Cell("–", math.nan)
    if not math.isfinite(value):
        return Cell("not finite", math.nan)
    return Cell(text or f"{value:,.4g}", value)


def sortable_table(caption: str, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table in HTML that scrolls by itself where it is wider than the page.

    Args:
        caption: What it shows, in a line above it.
        header: Of the columns; the first one names the rows.
        rows: As many cells each.

    Raises:
        ValueError: A row has another number of cells.
    """
    for number, row in enumerate(rows):
        if len(row) != len(header):
            raise ValueError(
                f"{caption}: row {number} has {len(row)} cells under {len(header)} heads"
            )
    of_numbers = [
        all(row[column].value is not None for row in rows) for column in range(len(header))
    ]
    heads = "".join(
        f'<th scope="col"{_class(numbers)}><button type="button">{escape(title)}'
        '<span class="order" aria-hidden="true"></span></button></th>'
        for title, numbers in zip(header, of_numbers, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            _cell(cell, numbers=numbers, head=column == 0)
            for column, (cell, numbers) in enumerate(zip(row, of_numbers, strict=True))
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<p class="caption" aria-hidden="true">{escape(caption)}</p>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table class="sortable" aria-label="{escape(caption)}"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(cell: Cell, *, numbers: bool, head: bool) -> str:
    text = re.sub(r" (± \S+)$", r' <span class="spread">\1</span>', escape(cell.text))
    if cell.best:
        text = f"<strong>{text}</strong>"
    if cell.note:
        text += f"<small>{escape(cell.note)}</small>"
    value = "" if cell.value is None else f' data-value="{_sorted_by(cell.value)}"'
    if head:
        long = ' class="long"' if len(cell.text) > _LONG else ""
        return f'<th scope="row"{_class(numbers) or long}{value}>{text}</th>'
    return f"<td{_class(numbers)}{value}>{text}</td>"


def _sorted_by(value: float) -> str:
    """Empty of what comes last."""
    return repr(float(value)) if math.isfinite(value) else ""


def _class(numbers: bool) -> str:
    return ' class="number"' if numbers else ""
