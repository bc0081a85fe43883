"""Content of the folder ``results/``: records, their verifications, and benchmarks."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mmdense.records.record import FILE_NAME, Record, RecordError, load, write_json

_RESULTS = Path("results")
BENCHMARK_FILE_NAME = "benchmark.json"
_BENCHMARK_KEYS = ("name", "setting", "other", "ratio")
_VERIFIED = "verified.json"


class Results(NamedTuple):
    """Content of a results folder, oldest first.

    Attributes:
        records: ``(folder, record)``, with folders such as ``results/<slug>/<date>_<what>``.
        benchmarks: ``(folder, rows)``.
    """

    records: list[tuple[str, Record]]
    benchmarks: list[tuple[str, list[dict[str, Any]]]]

    def newest(self, slug: str) -> dict[str, tuple[str, Record]]:
        """Return ``{name: (folder, record)}`` with the newest record of each name, sorted."""
        kept = {record.name: (f, record) for f, record in self.records if record.slug == slug}
        return dict(sorted(kept.items()))


def read_results(root: str | Path) -> Results:
    """Return all kept records and benchmarks below ``<root>/results``.

    Raises:
        RecordError: A file is invalid; the message names it.
    """
    root = Path(root)
    files = sorted((root / "results").glob(f"*/*/{FILE_NAME}"))
    records = [(file.parent.relative_to(root).as_posix(), load(file)) for file in files]
    records.sort(key=lambda kept: (kept[1].date, kept[0]))
    files = sorted((root / "results" / "benchmarks").glob(f"*/{BENCHMARK_FILE_NAME}"))
    rows = [(file.parent.relative_to(root).as_posix(), benchmark_rows(file)) for file in files]
    return Results(records, rows)


def find_file(path: str | Path) -> Path:
    """Return the file of a record by its file, by its folder, or by its name below ``results/``.

    Raises:
        RecordError: There is none; the message lists the searched places.
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
            f"there are records of stages ({runs}{', ...' if len(below) > 3 else ''}). Use one of "
            "them, or run the pipeline or study to its end to get its own record"
            if below
            else "a run writes a record with custom_hooks = [dict(type='mmdense.RecordHook')]"
        )
    else:
        hint = "use a work directory, or the folder or file of a record"
    looked = f"{FILE_NAME} in it and {places[2]}" if path.is_dir() else f"it and {places[2]}"
    raise RecordError(f"{path}: no record found; looked for {looked}; {hint}")


@dataclass(frozen=True)
class Verified:
    """Result of the last verification of a record by ``tools/verify.py``.

    Attributes:
        commit: Commit of the code that repeated the steps.
        date: Date of the verification, UTC, ISO 8601.
        steps: Maximum number of repeated iterations of a training.
        largest_deviation: Largest difference of a loss, as a fraction of the recorded loss.
        trainings: Largest deviation of each training.
    """

    commit: str
    date: str
    steps: int
    largest_deviation: float
    trainings: dict[str, float]

    @property
    def agrees(self) -> bool:
        """Whether all losses agree within 0.1 %; another processor may round differently."""
        return self.largest_deviation <= 1e-3


def read_verified(folder: str | Path) -> Verified | None:
    """Return the verification of the record in a folder; None if it was not verified.

    Raises:
        RecordError: The file is invalid.
    """
    path = Path(folder) / _VERIFIED
    if not path.is_file():
        return None
    try:
        return Verified(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise RecordError(f"{path}: {error}; run tools/verify.py again") from error


def write_verified(verified: Verified, record: Path) -> Path:
    """Write a verification to the folder of a record file, and return its path."""
    return write_json(asdict(verified), record.parent / _VERIFIED)


def benchmark_rows(file: Path) -> list[dict[str, Any]]:
    """Return the checked rows of a benchmark file.

    Raises:
        RecordError: The file is invalid, or a ratio does not match its two values.
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
