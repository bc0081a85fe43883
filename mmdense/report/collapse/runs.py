"""Readings of a run for the collapse report, from its work directory."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle as again
from pathlib import Path
from typing import Any

from mmdense.collapse.history import FILE_NAME, read_history
from mmdense.records.record import FILE_NAME as RECORD
from mmdense.records.record import Record, RecordError, load
from mmdense.report.charts import Points


@dataclass(frozen=True)
class Run:
    """One run; its name is unique in the report.

    Attributes:
        verdict: Name of the verdict, empty before the first one.
        reason: Readings that led to the verdict.
        facts: See :attr:`History.facts`; files of older versions have fewer.
        curves: Curves by name.
        spectra: ``{"step", "space", "values"}`` each, in the order of the steps.
        phases: ``(steps done, head)`` at each change of the loss; empty for one loss.
    """

    name: str
    verdict: str
    reason: str
    facts: Mapping[str, Any]
    curves: Mapping[str, Points]
    spectra: Sequence[Mapping[str, Any]]
    phases: Sequence[tuple[int, str]] = ()

    @classmethod
    def of(cls, name: str, content: Mapping[str, Any]) -> "Run":
        """Return a run from the value of :func:`read_history`; ``None`` in a curve becomes NaN."""
        curves = {
            key: [(float(step), math.nan if value is None else float(value)) for step, value in c]
            for key, c in content["curves"].items()
        }
        facts = dict(content["facts"])
        return cls(name, content["verdict"], content["reason"], facts, curves, content["spectra"])

    def curve(self, name: str) -> Points:
        """Return the points of a reading; empty if the run lacks it."""
        return self.curves.get(name, [])

    def values(self, name: str) -> list[float]:
        """Return the finite values of a curve."""
        return [value for _, value in self.curve(name) if math.isfinite(value)]

    def last(self, name: str) -> float | None:
        """Return the last value, which may be NaN; None if there is none."""
        points = self.curve(name)
        return points[-1][1] if points else None

    @property
    def last_step(self) -> int:
        """Last step of any reading; 0 if there is none."""
        return int(max((points[-1][0] for points in self.curves.values() if points), default=0))

    def spectra_of(self, space: str) -> list[Mapping[str, Any]]:
        """Return the spectra of a space, in the order of the steps."""
        return [spectrum for spectrum in self.spectra if spectrum["space"] == space]


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Return the runs in work directories, named by the shortest distinct ends of their paths.

    Raises:
        FileNotFoundError: A folder has no ``collapse.json``; the message explains how to get one.
        ValueError: A file is incomplete or invalid, or a folder is given twice.
    """
    places = [folder.resolve() for folder in folders]
    if len(set(places)) < len(places):
        raise ValueError("a work directory was given twice")
    runs = []
    for folder, name in zip(folders, _short_names(places), strict=True):
        run = Run.of(name, _read(folder))
        phases = phases_in(folder, batch=run.facts.get("batch"), steps=run.last_step)
        runs.append(replace(run, phases=phases))
    return runs


def comparison_warnings(runs: Sequence[Run]) -> list[str]:
    """Return warnings on the comparison of these runs."""
    found = []
    methods = sorted({str(run.facts.get("method", "an unnamed method")) for run in runs})
    if len(methods) > 1:
        found.append(
            f"These runs are of different methods ({', '.join(methods)}). Compare "
            "ranks, covariances and lengths within one method only. Verdicts can be compared."
        )
    sizes = {(run.facts.get("vectors"), run.facts.get("channels")) for run in runs}
    if len(sizes) > 1:
        found.append(
            "These runs differ in batch size or width, so their floors and ceilings differ."
        )
    return found


def _read(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise FileNotFoundError(f"no such work directory: {folder}")
    advice = "copy it again, or wait until the run writes its next checkpoint"
    try:
        content = read_history(folder)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{folder / FILE_NAME} is cut off or not JSON ({error}); {advice}"
        ) from error
    wanted = ("verdict", "reason", "facts", "curves", "spectra")
    missing = [key for key in wanted if not isinstance(content, dict) or key not in content]
    if missing:
        raise ValueError(f"{folder / FILE_NAME} lacks {', '.join(missing)}; {advice}")
    return content


def _short_names(places: Sequence[Path]) -> list[str]:
    """Return the shortest ends of the paths that are distinct."""
    count = 1
    while len({place.parts[-count:] for place in places}) < len(places):
        count += 1
    return [str(Path(*place.parts[-count:])) for place in places]


def phase_starts(
    phases: Sequence[tuple[str, int | None]], steps: int, *, cycle: bool
) -> list[tuple[int, str]]:
    """Return the start of each phase: steps before it, and the name of its head.

    Args:
        phases: Names and lengths in steps. A phase without length, and the last one, do not end.
        steps: Number of steps of the run.
        cycle: Whether the first phase follows the last.
    """
    starts: list[tuple[int, str]] = []
    begin = 0
    for name, length in again(phases) if cycle else phases:
        if begin >= steps:
            break
        if not starts or starts[-1][1] != name:
            starts.append((begin, name))
        if length is None:
            break
        begin += length
    return starts


def phases_in(folder: Path, *, batch: int | None, steps: int) -> list[tuple[int, str]]:
    """Return the phases in the config of a run, from its ``record.json``.

    A change of the loss after a verdict is not in the config, so it is not included.

    Args:
        folder: Work directory of the run.
        batch: Images per step, for phases in epochs.
        steps: Number of steps of the run.

    Returns:
        Same as :func:`phase_starts`; empty for a run with one loss, or if its record or the length
        of an epoch is unknown.
    """
    try:
        record = load(folder / RECORD)
    except (RecordError, OSError):
        return []  # the report works without phases
    config = record.config
    hooks = [*config.get("default_hooks", {}).values(), *config.get("custom_hooks", [])]
    hook = next((h for h in hooks if isinstance(h, Mapping) and _has_phases(h)), None)
    factor = 1 if hook is None or not hook.get("by_epoch") else _epoch(record, batch)
    if hook is None or factor is None:
        return []
    phases = [(entry["head"], entry.get("length")) for entry in hook["phases"]]
    timed = [(name, length and length * factor) for name, length in phases]
    starts = phase_starts(timed, steps, cycle=hook.get("cycle", False))
    return starts if len(starts) > 1 else []


def _has_phases(hook: Mapping[str, Any]) -> bool:
    phases = hook.get("phases") or [{}]
    return all(isinstance(phase, Mapping) and "head" in phase for phase in phases)


def _epoch(record: Record, batch: int | None) -> int | None:
    """Return the number of steps of an epoch; None if unknown."""
    if not record.images or not batch:
        return None
    whole, left = divmod(record.images, batch)
    dropped = record.config.get("train_dataloader", {}).get("drop_last", False)
    return max(1, whole if dropped or not left else whole + 1)
