"""What the folder ``results/`` holds: records with their verifications, and benchmarks."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mmdense.records.record import FILE_NAME, Record, RecordError, load, write_json

__all__ = [
    "BENCHMARK_FILE_NAME",
    "Results",
    "Verified",
    "benchmark_rows",
    "find_file",
    "find_record",
    "read_results",
    "read_verified",
    "write_verified",
]

_RESULTS = Path("results")
BENCHMARK_FILE_NAME = "benchmark.json"
_BENCHMARK_KEYS = ("name", "setting", "other", "ratio")
_VERIFIED = "verified.json"


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


def find_record(path: str | Path) -> Record:
    """Read a record by its file, by its folder, or by its name below ``results/``.

    Raises:
        RecordError: There is none, or it cannot be read.
    """
    return load(find_file(path))


def find_file(path: str | Path) -> Path:
    """The file of a record; as :func:`find_record`, which reads it.

    Raises:
        RecordError: There is none; the message says where it was looked for.
    """
    path = Path(path)
    places = (path, path / FILE_NAME, _RESULTS / path / FILE_NAME)
    for place in places:
        if place.is_file():
            return place
    if path.is_dir():
        below = sorted({*path.glob(f"*/{FILE_NAME}"), *path.glob(f"*/*/{FILE_NAME}")})
        runs = ", ".join(str(file.parent) for file in below[:3])
        hint = (
            f"its parts have records ({runs}{', ...' if len(below) > 3 else ''}): give those, or "
            "let the pipeline or the study end, which writes its own"
            if below
            else "a run writes one with custom_hooks = [dict(type='mmdense.RecordHook')]"
        )
    else:
        hint = "give a work directory, or the folder or file of a record"
    looked = f"{FILE_NAME} in it and {places[2]}" if path.is_dir() else f"it and {places[2]}"
    raise RecordError(f"{path}: no record found; looked for {looked}; {hint}")


@dataclass(frozen=True)
class Verified:
    """What the last ``tools/verify.py`` of a record found.

    Attributes:
        commit: Of the code that repeated the steps.
        date: When, UTC, ISO 8601.
        steps: Iterations of each training that were repeated, at most.
        largest_deviation: Largest difference of a loss, as a fraction of the recorded one.
        trainings: The same of each training.
    """

    commit: str
    date: str
    steps: int
    largest_deviation: float
    trainings: dict[str, float]

    @property
    def agrees(self) -> bool:
        """Whether all losses agree to 0.1 %; runs on another processor differ by rounding."""
        return self.largest_deviation <= 1e-3


def read_verified(folder: str | Path) -> Verified | None:
    """What is known of the record in a folder; None of one that nobody has verified.

    Raises:
        RecordError: The file is broken.
    """
    path = Path(folder) / _VERIFIED
    if not path.is_file():
        return None
    try:
        return Verified(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise RecordError(f"{path}: {error}; run tools/verify.py again") from error


def write_verified(verified: Verified, record: Path) -> Path:
    """Write it beside the file of a record; returns the path."""
    return write_json(asdict(verified), record.parent / _VERIFIED)


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
        missing = [key for key in _BENCHMARK_KEYS if key not in row]
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
