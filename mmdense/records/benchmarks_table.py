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
    states: Sequence[State] = (),
) -> str:
    """One row for each benchmark.

    Args:
        benchmarks: With ``name``, ``setting``, ``ours_s``, ``other`` (what it is compared with),
            ``other_s`` and ``ratio`` (how many times faster ours is). Memory is ``ours_mib`` and
            ``other_mib``, and its ratio how many times less ours takes. What is part of the other,
            such as a monitor of a training step, has its share of it instead of a ratio.
        links: The folder that each row comes from.
        what: Head of the first column.
        states: Of the code behind each row; without them no row is marked.
    """
    marked = marks(states or _CURRENT * len(links))
    rows = [
        [
            row["name"],
            row["setting"],
            row["other"],
            _amount(row, "ours"),
            _amount(row, "other"),
            _compared(row),
            f"[{Path(link).name}]({link}){mark}",
        ]
        for row, link, mark in zip(benchmarks, links, marked, strict=True)
    ]
    memory = any("ours_mib" in row for row in benchmarks)
    times = "Times faster or smaller" if memory else "Times faster"
    header = [what, "Setting", "Compared with", "Ours", "Other", times, "Record"]
    table = markdown(header, rows, right=("Ours", "Other", times))
    return "\n\n".join(filter(None, [table, legend(states)]))


def kept_benchmarks(kind: str, what: str) -> Callable[[Results, str], str]:
    """The table of the folders ``<date>_<kind>``.

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
        return benchmarks_table(rows, links, what=what, states=states)

    return table


def _compared(row: dict[str, Any]) -> str:
    """The ratio to three digits; of a part of something, its share."""
    if row["other"] in _WHOLES:
        return f"{_digits(100 / row['ratio'], 2)} % of it"
    return _digits(row["ratio"], 3)


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
