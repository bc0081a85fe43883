"""A table as a value, and its renderers: Markdown, HTML, CSV and the terminal.

Cells hold values. A number stays a number until a renderer formats it.
"""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import rich.table
import rich.text
from markupsafe import Markup

from mmdense.records.statistics import Paired, p_words
from mmdense.report.section import render

EMPTY = "*No record yet.*"
MISSING = "–"
P = 0.05  # a difference below this p is shown as significant

Format = str | Callable[[float], str]


@dataclass(frozen=True)
class Text:
    """Formatted text: a cell, or what renderers show of the value of a cell.

    Attributes:
        text: Text without markup.
        href: Target of the link: a path from the root of the repository, or a URL.
        strong: Whether it is bold.
        code: Whether it is code.
        note: A remark after the text, outside the link.
        spread: Standard deviation such as ``± 1.0``, after the text.
        number: Sort key; None for text, NaN for a missing number.
    """

    text: str
    href: str | None = None
    strong: bool = False
    code: bool = False
    note: str = ""
    spread: str = ""
    number: float | None = None


@dataclass(frozen=True)
class Score:
    """The score of a variant over its seeds, in the unit of its column.

    Attributes:
        mean: Mean over the seeds.
        sd: Sample standard deviation; None for one seed.
        seeds: Number of seeds.
        counted: Whether each seed scores 1 or 0, and the cell shows the number of ones.
        against: Difference from the baseline, in the unit of the column.
        detailed: Whether the cell shows that difference, its interval and p.
    """

    mean: float
    sd: float | None = None
    seeds: int = 1
    counted: bool = False
    against: Paired | None = None
    detailed: bool = False

    @property
    def significant(self) -> bool:
        """Whether it differs from its baseline with p < 0.05."""
        return self.against is not None and self.against.p < P


class Quantity(NamedTuple):
    """A number whose unit or format differs from that of other rows."""

    value: float
    unit: str = ""
    format: Format = ",.4g"


#: A mapping counts things by their names: ``{"complete": 2, "none": 1}``.
Value = str | int | float | Text | Score | Quantity | Mapping[str, int] | None


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        key: Key of its values in the rows.
        label: As a person reads it.
        unit: Behind each number.
        format: Of numbers: a format specification, or a function from the number to its text.
        numeric: Whether it is aligned to the right.
        higher_is_better: Which way its best value is; None where neither is better.
    """

    key: str
    label: str
    unit: str = ""
    format: Format = ",.4g"
    numeric: bool = False
    higher_is_better: bool | None = None


@dataclass(frozen=True)
class Table:
    """Columns, rows and notes.

    Attributes:
        title: Title.
        columns: Columns, in order.
        rows: Values by the key of their column; a missing key is an empty cell.
        notes: Sentences below the table.
        records: Links to the records that all rows come from.

    Raises:
        ValueError: Two columns have one key, or a row has a key of no column.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Value]]
    notes: Sequence[str] = ()
    records: Sequence[Text] = ()

    def __post_init__(self) -> None:
        keys = [column.key for column in self.columns]
        if len(set(keys)) < len(keys):
            raise ValueError(f"table {self.title!r}: two columns have one key: {keys}")
        for number, row in enumerate(self.rows):
            if unknown := sorted(set(row) - set(keys)):
                raise ValueError(f"table {self.title!r}: row {number} has {unknown}, not a column")

    def split_shared(self, keys: Sequence[str]) -> tuple[dict[str, str], "Table"]:
        """Remove columns in which all rows have the same value.

        Args:
            keys: Keys of the columns that may be removed.

        Returns:
            ``{label: text}`` of the removed columns, and the table without them.
        """
        same = {
            column.key: (column.label, shown(self.rows[0].get(column.key), column).text)
            for column in self.columns
            if column.key in keys and self.rows
            if all(row.get(column.key) == self.rows[0].get(column.key) for row in self.rows)
        }
        columns = [column for column in self.columns if column.key not in same]
        rows = [{key: v for key, v in row.items() if key not in same} for row in self.rows]
        return dict(same.values()), replace(self, columns=columns, rows=rows)

    def best(self, column: Column) -> list[bool]:
        """Return for each row whether it has the best value of a column, after rounding."""
        cells = [shown(row.get(column.key), column) for row in self.rows]
        known = {
            c.number: c.text for c in cells if c.number is not None and math.isfinite(c.number)
        }
        if column.higher_is_better is None or len(known) < 2:
            return [False] * len(cells)
        best = known[(max if column.higher_is_better else min)(known)]
        return [cell.text == best for cell in cells]

    def markdown(self, to_root: str = "") -> str:
        """Return the table in Markdown, with notes and records below it.

        Args:
            to_root: Path from the Markdown file to the root of the repository, such as ``../``.
        """
        if not self.rows:
            return EMPTY
        rule = ["---:" if column.numeric else "---" for column in self.columns]
        lines = [[column.label.replace("|", "\\|") for column in self.columns], rule]
        lines += [
            [_in_markdown(shown(row.get(c.key), c), to_root) for c in self.columns]
            for row in self.rows
        ]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        links = ", ".join(_in_markdown(record, to_root) for record in self.records)
        below = [*self.notes, *([f"Record: {links}."] if links else [])]
        return "\n\n".join(filter(None, [table, " ".join(below)]))

    def html(self) -> Markup:
        """Return the table as escaped HTML; cells have their sort key as an attribute.

        The best values of a column are bold, and p-values are below the cells.
        """
        columns = [
            (column, [shown(row.get(column.key), column, p=True) for row in self.rows])
            for column in self.columns
        ]
        marked = [
            cells
            if column.higher_is_better is None
            else [replace(c, strong=best) for c, best in zip(cells, self.best(column), strict=True)]
            for column, cells in columns
        ]
        rows = list(zip(*marked, strict=True))
        return render("table.html", table=self, rows=rows, isfinite=math.isfinite)

    def csv(self) -> str:
        """Return the keys and values as CSV, without notes.

        Numbers have six significant digits, scores are means, and missing or non-finite values are
        empty. Lines end in a newline.
        """
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column.key for column in self.columns])
        for row in self.rows:
            writer.writerow([_in_csv(row.get(column.key), column) for column in self.columns])
        return file.getvalue()

    def terminal(self) -> rich.table.Table:
        """Return the table for a rich console, with the notes as its caption."""
        table = rich.table.Table(
            title=rich.text.Text(self.title) if self.title else None,
            caption=rich.text.Text(" ".join(self.notes)) if self.notes else None,
        )
        for column in self.columns:
            label = rich.text.Text(column.label, justify="right" if column.numeric else "left")
            table.add_column(label, justify=label.justify or "left", overflow="fold")
        for row in self.rows:
            table.add_row(*(_in_terminal(shown(row.get(c.key), c)) for c in self.columns))
        return table


def shown(value: Value, column: Column, *, p: bool = False) -> Text:
    """Format a value for its column; with ``p``, a score also shows p of its comparison."""
    if value is None:
        return Text(MISSING, number=math.nan if column.numeric else None)
    if isinstance(value, str):
        return Text(value)
    if isinstance(value, Text):
        return value
    if isinstance(value, Score):
        return _score(value, column, p=p)
    if isinstance(value, Mapping):
        counted = ", ".join(f"{count} {name}" for name, count in value.items() if count)
        return Text(counted or MISSING)
    if not isinstance(value, Quantity):
        value = Quantity(value, column.unit, column.format)
    return Text(_number(value.value, value.format, value.unit), number=float(value.value))


def _score(score: Score, column: Column, *, p: bool) -> Text:
    if not math.isfinite(score.mean):
        return Text("not finite", number=math.nan)
    form, found, notes = column.format, score.against, []
    if score.counted:
        text, spread = f"{round(score.mean * score.seeds)} of {score.seeds}", ""
    else:
        text = _number(score.mean, form, column.unit)
        spread = "" if score.sd is None else f"± {_number(score.sd, form, column.unit)}"
        if found and score.detailed and found.pairs == 1:
            notes = [_signed(found.difference, form)]
        elif found and score.detailed and found.pairs:
            between = f"{_signed(found.low, form)} to {_signed(found.high, form)}"
            notes = [f"{_signed(found.difference, form)} ({between})", p_words(found.p)]
        elif found and p and math.isfinite(found.p):
            notes = [p_words(found.p)]
    if found and 0 < found.pairs < score.seeds:  # the comparison lacks some of the seeds
        notes.append(f"{found.pairs} pair{'s' * (found.pairs > 1)}")
    strong, note = score.significant, ", ".join(notes)
    return Text(text, strong=strong, note=note, spread=spread, number=score.mean)


def _number(number: float, form: Format, unit: str) -> str:
    if not math.isfinite(number):
        return "not finite"
    text = form(number) if callable(form) else f"{number:{form}}"
    return f"{text} {unit}".rstrip()


def _signed(number: float, form: Format) -> str:
    if callable(form):
        return f"{'+' if number >= 0 else '-'}{form(abs(number))}"
    return f"{number:+{form.lstrip('+')}}"


def _in_markdown(cell: Text, to_root: str) -> str:
    text = cell.text.replace("|", "\\|")
    text = f"`{text}`" if cell.code else text
    text = f"{text} {cell.spread}" if cell.spread else text
    text = f"**{text}**" if cell.strong else text
    if cell.href is not None:
        text = f"[{text}]({cell.href if '://' in cell.href else to_root + cell.href})"
    if not cell.note:
        return text
    return f"{text}{' ' if cell.number is None else '<br>'}{cell.note}"


def _in_csv(value: Value, column: Column) -> str:
    if value is None:
        return ""
    cell = shown(value, column)
    if isinstance(value, Text) or cell.number is None:
        return cell.text
    return f"{cell.number:.6g}" if math.isfinite(cell.number) else ""


def _in_terminal(cell: Text) -> rich.text.Text:
    text = rich.text.Text(f"{cell.text} {cell.spread}".rstrip())
    if cell.strong:
        text.stylize("bold")
    return text.append(f"\n{cell.note}", "dim") if cell.note else text
