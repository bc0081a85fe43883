"""What the folder ``results/`` holds: records and benchmarks, oldest first."""

from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from mmdense.records.benchmark_file import BENCHMARK_FILE_NAME, benchmark_rows, benchmark_sources
from mmdense.records.record import FILE_NAME, Record, load
from mmdense.records.sources import changed_sources
from mmdense.records.staleness import State
from mmdense.records.used_code import changed_code

__all__ = ["Results", "read_results"]


class Results(NamedTuple):
    """What a results folder holds, oldest first.

    Attributes:
        records: ``(folder, record)``; the folder as ``results/<slug>/<date>_<what>``.
        benchmarks: ``(folder, rows)``.
        changed: ``{folder: files}``, of records and benchmarks whose code has changed since.
        unknown: Folders of those that do not list their code.
    """

    records: list[tuple[str, Record]]
    benchmarks: list[tuple[str, list[dict[str, Any]]]]
    changed: Mapping[str, list[str]] = MappingProxyType({})
    unknown: Collection[str] = frozenset()

    def state(self, folder: str) -> State:
        """Whether code behind a record or a benchmark has changed since."""
        if folder in self.unknown:
            return "unknown"
        return "stale" if self.changed.get(folder) else "current"

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
    changed = {folder: changed_code(record, root) for folder, record in records}
    unknown = {folder for folder, record in records if not record.sources}
    for file in files:
        folder, sources = file.parent.relative_to(root).as_posix(), benchmark_sources(file)
        changed[folder] = changed_sources(sources, root)
        unknown |= set() if sources else {folder}
    return Results(
        records,
        rows,
        {folder: files for folder, files in changed.items() if files},
        frozenset(unknown),
    )
