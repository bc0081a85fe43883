"""What the collapse report knows of a run, read from its folder."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmdense.collapse.history import FILE_NAME, read_history
from mmdense.report.collapse.phases import phases_in

__all__ = ["Run", "comparison_warnings", "read_runs"]

Points = list[tuple[float, float]]  # (step, value); the value may be NaN


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        name: Short, and no other run's of the report.
        verdict: Name, empty before the first judgement.
        reason: The readings behind it.
        facts: See :attr:`History.facts`; files of older versions have fewer.
        curves: By name.
        spectra: ``{"step", "space", "values"}`` each, in the order of the steps.
        phases: ``(steps done, head)`` where the loss became a head's; empty of one loss.
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
        """From what :func:`read_history` returns; ``None`` in a curve becomes NaN."""
        curves = {
            key: [(float(step), math.nan if value is None else float(value)) for step, value in c]
            for key, c in content["curves"].items()
        }
        facts = dict(content["facts"])
        return cls(name, content["verdict"], content["reason"], facts, curves, content["spectra"])

    def curve(self, name: str) -> Points:
        """Empty where the run has no such reading."""
        return self.curves.get(name, [])

    def values(self, name: str) -> list[float]:
        """The finite values of a curve."""
        return [value for _, value in self.curve(name) if math.isfinite(value)]

    def last(self, name: str) -> float | None:
        """The last value, NaN included; None where there is none."""
        points = self.curve(name)
        return points[-1][1] if points else None

    @property
    def last_step(self) -> int:
        """Of any reading; 0 where there is none."""
        return int(max((points[-1][0] for points in self.curves.values() if points), default=0))

    def spectra_of(self, space: str) -> list[Mapping[str, Any]]:
        """The spectra of a space, in the order of the steps."""
        return [spectrum for spectrum in self.spectra if spectrum["space"] == space]


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """The runs in work directories, named by the end of their paths that distinguishes them.

    Raises:
        FileNotFoundError: A folder has no ``collapse.json``; the message explains how to get one.
        ValueError: A file is cut off, or not what the hook writes; or a folder is given twice.
    """
    places = [folder.resolve() for folder in folders]
    if len(set(places)) < len(places):
        raise ValueError("a work directory was given twice")
    contents = [_read(folder) for folder in folders]
    pairs = zip(_short_names(places), contents, strict=True)
    runs = [Run.of(name, content) for name, content in pairs]
    return [_with_phases(run, place) for run, place in zip(runs, places, strict=True)]


def comparison_warnings(runs: Sequence[Run]) -> list[str]:
    """What to keep in mind when these runs are compared."""
    found = []
    methods = sorted({str(run.facts.get("method", "an unnamed method")) for run in runs})
    if len(methods) > 1:
        found.append(
            f"These runs are of different methods ({', '.join(methods)}). Compare ranks, "
            "covariances and lengths of runs of one method only; the verdicts can be compared."
        )
    sizes = {(run.facts.get("vectors"), run.facts.get("channels")) for run in runs}
    if len(sizes) > 1:
        found.append(
            "These runs differ in batch or width, so each has floors and ceilings of its own."
        )
    return found


def _with_phases(run: Run, folder: Path) -> Run:
    phases = phases_in(folder, batch=run.facts.get("batch"), steps=run.last_step)
    return replace(run, phases=phases)


def _read(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no work directory {folder}")
    again = "copy it again, or let the run write it at its next checkpoint"
    try:
        content = read_history(folder)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{folder / FILE_NAME} is cut off or not JSON ({error}); {again}"
        ) from error
    wanted = ("verdict", "reason", "facts", "curves", "spectra")
    missing = [key for key in wanted if not isinstance(content, dict) or key not in content]
    if missing:
        raise ValueError(f"{folder / FILE_NAME} lacks {', '.join(missing)}; {again}")
    return content


def _short_names(places: Sequence[Path]) -> list[str]:
    """The last part of each path, or as many parts as distinguish all of them."""
    longest = max((len(place.parts) for place in places), default=1)
    for count in range(1, longest + 1):
        names = [str(Path(*place.parts[-count:])) for place in places]
        if len(set(names)) == len(names):
            return names
    return [str(place) for place in places]
