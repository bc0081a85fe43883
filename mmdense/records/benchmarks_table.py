"""Tables of benchmarks: speed and memory of both sides, and their ratio."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmdense.records.kept_results import Results
from mmdense.records.markdown import markdown
from mmdense.records.staleness import State, legend, marks

__all__ = ["benchmarks_table", "kept_benchmarks"]

#: What a benchmark measures a part of; the others are another way to the same result.
_WHOLES = ("training step",)
_CURRENT: tuple[State, ...] = ("current",)


def benchmarks_table(
    benchmarks: Sequence[dict[str, Any]],
    links: Sequence[str],
    *,
    what: str,
    costs: bool = False,
    states: Sequence[State] = (),
) -> str:
    """One row for each benchmark.

    Args:
        benchmarks: With ``name``, ``setting``, ``ours_s``, ``other`` (what it is compared with),
            ``other_s`` and ``ratio`` (how many times faster ours is). Memory is ``ours_mib`` and
            ``other_mib``, and its ratio how many times less ours takes. What is part of the other,
            such as a monitor of a training step, has its share of it instead of a ratio.
        links: The folder that each row comes from; where it is one, it stands below the table.
        what: Head of the first column.
        costs: Whether ours does more than the other, so that the ratio is told as what it costs:
            how many times the time or the memory it takes.
        states: Of the code behind each row; without them no row is marked.
    """
    memory = any("ours_mib" in row for row in benchmarks)
    times = "Times faster or smaller" if memory else "Times faster"
    times = "Ours / other" if costs else times
    header = [what, "Setting", "Compared with", "Ours", "Other", times]
    rows = [
        [
            *(row["name"], row["setting"], row["other"]),
            *(_amount(row, "ours"), _amount(row, "other"), _compared(row, costs)),
        ]
        for row in benchmarks
    ]
    below = _records(header, rows, links, states)
    return f"{markdown(header, rows, right=('Ours', 'Other', times))}\n\n{below}".rstrip()


def _records(
    header: list[str], rows: list[list[str]], links: Sequence[str], states: Sequence[State]
) -> str:
    """Add the record of each row as a column, or say below where it is one and the same."""
    records = [f"[{Path(link).name}]({link})" for link in links]
    if len(set(records)) == 1 and len(set(states)) < 2:
        return f"Record: {records[0]}. {legend(states)}".strip()
    header.append("Record")
    for row, record, mark in zip(
        rows, records, marks(states or _CURRENT * len(links)), strict=True
    ):
        row.append(record + mark)
    return legend(states)


def kept_benchmarks(kind: str, what: str, *, costs: bool = False) -> Callable[[Results, str], str]:
    """The table of the folders ``<date>_<kind>``; ``costs`` as in :func:`benchmarks_table`.

    Of rows that compare the same in one setting, the one in the last folder counts.
    """

    def table(results: Results, to_root: str) -> str:
        newest = {
            (row["name"], row["setting"], row["other"]): (row, folder)
            for folder, rows in results.benchmarks
            if folder.endswith(f"_{kind}")
            for row in rows
        }
        rows, folders = zip(*newest.values(), strict=True) if newest else ((), ())
        links, states = [to_root + f for f in folders], [results.state(f) for f in folders]
        return benchmarks_table(rows, links, what=what, costs=costs, states=states)

    return table


def _compared(row: dict[str, Any], costs: bool) -> str:
    """The ratio to three digits; of a part of something, its share."""
    if row["other"] in _WHOLES:
        return f"{_digits(100 / row['ratio'], 2)} % of it"
    return _digits(1 / row["ratio"] if costs else row["ratio"], 3)


def _digits(value: float, digits: int) -> str:
    """So many significant digits, without an exponent."""
    return f"{float(f'{value:.{digits}g}'):,.{max(0, digits - 1 - _place(value, digits))}f}"


def _place(value: float, digits: int) -> int:
    """The power of ten of the first digit, of the value as it is rounded."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])


def _amount(row: dict[str, Any], side: str) -> str:
    if f"{side}_mib" in row:
        return f"{row[f'{side}_mib']:,.0f} MiB"
    return _seconds(row[f"{side}_s"])


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"
