"""What the folder ``results/`` holds: records and benchmarks, oldest first."""

from pathlib import Path
from typing import Any, NamedTuple

from mmdense.records.benchmark_file import BENCHMARK_FILE_NAME, benchmark_rows
from mmdense.records.record import FILE_NAME, Record, load

__all__ = ["Results", "read_results"]


class Results(NamedTuple):
    """What a results folder holds, oldest first.

    Attributes:
        records: ``(folder, record)``; the folder as ``results/<slug>/<date>_<what>``.
        benchmarks: ``(folder, rows)``.
    """

    records: list[tuple[str, Record]]
    benchmarks: list[tuple[str, list[dict[str, Any]]]]

    def newest(self, slug: str) -> dict[str, tuple[str, Record]]:
        """``{name: (folder, record)}`` with the newest record of each name, in order of names."""
        kept = {record.name: (f, record) for f, record in self.records if record.slug == slug}
        return dict(sorted(kept.items()))


def read_results(root: str | Path) -> Results:
    """Read every kept record and benchmark below ``<root>/results``.

    Raises:
        RecordError: One of them is broken; the message names the file.
    """
    root = Path(root)
    files = sorted((root / "results").glob(f"*/*/{FILE_NAME}"))
    records = [(file.parent.relative_to(root).as_posix(), load(file)) for file in files]
    records.sort(key=lambda kept: (kept[1].date, kept[0]))
    files = sorted((root / "results" / "benchmarks").glob(f"*/{BENCHMARK_FILE_NAME}"))
    rows = [(file.parent.relative_to(root).as_posix(), benchmark_rows(file)) for file in files]
    return Results(records, rows)
