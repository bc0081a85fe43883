"""Tables of benchmarks: speed and memory of both sides, and their ratio."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmdense.records.markdown import markdown
from mmdense.records.record import RecordError

__all__ = ["BENCHMARK_FILE_NAME", "benchmark_rows", "benchmarks_table", "kept_benchmarks"]

BENCHMARK_FILE_NAME = "benchmark.json"
_KEYS = ("name", "setting", "other", "ratio")


def benchmarks_table(
    benchmarks: Sequence[dict[str, Any]], links: Sequence[str], *, what: str
) -> str:
    """One row for each benchmark.

    Args:
        benchmarks: With ``name``, ``setting``, ``ours_s``, ``other`` (what it is compared with),
            ``other_s`` and ``ratio`` (how many times faster ours is). Memory is ``ours_mib`` and
            ``other_mib``, and its ratio how many times less ours takes.
        links: The folder that each row comes from.
        what: Head of the first column.
    """
    rows = [
        [
            row["name"],
            row["setting"],
            row["other"],
            _amount(row, "ours"),
            _amount(row, "other"),
            f"{row['ratio']:.2f}",
            f"[{Path(link).name}]({link})",
        ]
        for row, link in zip(benchmarks, links, strict=True)
    ]
    memory = any("ours_mib" in row for row in benchmarks)
    times = "Times faster or smaller" if memory else "Times faster"
    header = [what, "Setting", "Compared with", "Ours", "Other", times, "Record"]
    return markdown(header, rows, right=("Ours", "Other", times))


def kept_benchmarks(kind: str, what: str) -> Callable[[Any, str], str]:
    """The table of the folders ``<date>_<kind>``.

    Of rows that compare the same in one setting, the one in the last folder counts.
    """

    def table(results: Any, to_root: str) -> str:
        newest = {
            (row["name"], row["setting"], row["other"]): (row, to_root + folder)
            for folder, rows in results.benchmarks
            if folder.endswith(f"_{kind}")
            for row in rows
        }
        rows, links = zip(*newest.values(), strict=True) if newest else ((), ())
        return benchmarks_table(rows, links, what=what)

    return table


def benchmark_rows(file: Path) -> list[dict[str, Any]]:
    """The rows of a benchmark, checked.

    Raises:
        RecordError: The file is broken, or a ratio is not that of its sides.
    """
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))["results"]
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{file}: not a JSON object with 'results' ({error!r})") from error
    for number, row in enumerate(rows):
        missing = [key for key in _KEYS if key not in row]
        if missing:
            raise RecordError(f"{file}: results[{number}] lacks {', '.join(missing)}")
        unit = "mib" if "ours_mib" in row else "s"
        sides = f"ours_{unit}", f"other_{unit}"
        if lost := [key for key in sides if key not in row]:
            raise RecordError(f"{file}: results[{number}] lacks {', '.join(lost)}")
        ratio = row[sides[1]] / row[sides[0]]
        if not math.isclose(row["ratio"], ratio, rel_tol=0.25):
            raise RecordError(
                f"{file}: results[{number}].ratio is {row['ratio']:.3g}, "
                f"but {sides[1]} / {sides[0]} is {ratio:.3g}"
            )
    return rows


def _amount(row: dict[str, Any], side: str) -> str:
    if f"{side}_mib" in row:
        return f"{row[f'{side}_mib']:,.0f} MiB"
    return _seconds(row[f"{side}_s"])


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"
