"""Records that a report shows, with the work directories of their stages."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmdense.records.kept_results import find_file
from mmdense.records.record import Record, RecordError, load
from mmdense.report.charts import Points
from mmdense.report.study_table import variants_by_group


@dataclass(frozen=True)
class Part:
    """One training or one measurement: a stage, or a run alone.

    Attributes:
        name: Name in the report, unique.
        task: Task such as "detection"; empty for a single run.
        line: Label of its variant in a study, which all seeds share; else its name.
        entry: Its values in the record, with the keys of a stage.
        folder: Work directory, None if it is missing.
        groups: Groups of variants that it belongs to; None is the group of all others.
    """

    name: str
    task: str
    line: str
    entry: Mapping[str, Any]
    folder: Path | None
    groups: Sequence[str | None] = (None,)

    @property
    def metrics(self) -> dict[str, float]:
        """Scores; NaN if a score was not finite."""
        return {key: _number(value) for key, value in self.entry["metrics"].items()}

    @property
    def curves(self) -> dict[str, Points]:
        """Curves; NaN if a value was not finite."""
        return {
            key: [(_number(step), _number(value)) for step, value in points]
            for key, points in self.entry["curves"].items()
        }

    def message_of(self, error: Exception) -> str:
        """Return a message on one of its files, with the name of the part instead of its path."""
        return f"{self.name}: {error}".replace(f"{self.folder}/", "")


@dataclass(frozen=True)
class Subject:
    """One record and its parts.

    Attributes:
        name: Name in the report, unique.
        record: The record.
        folder: Folder of the record.
        parts: Stages of the record, or the run itself.
    """

    name: str
    record: Record
    folder: Path
    parts: Sequence[Part]

    @property
    def kind(self) -> str:
        """Kind of the record: "pipeline", "study" or "run"."""
        if "compare" in self.record.config and self.record.stages:
            return "pipeline"
        return "study" if {"variants", "seeds", "metrics"} <= set(self.record.config) else "run"

    @property
    def groups(self) -> list[str | None]:
        """Groups of variants, in the order of their tables; [None] if it is not a study."""
        return list(variants_by_group(self.record.config)) if self.kind == "study" else [None]


def read_subjects(paths: Sequence[Path]) -> list[Subject]:
    """Read records, each by its file, its folder or its name below ``results/``.

    Raises:
        RecordError: A path has no record, cannot be read, or was given twice.
    """
    files = [find_file(path) for path in paths]
    if twice := [str(f) for f, count in Counter(f.resolve() for f in files).items() if count > 1]:
        raise RecordError(f"{twice[0]} was given twice")
    records = [load(file) for file in files]
    subjects = []
    for name, record, file in zip(_names(records, files), records, files, strict=True):
        subject = Subject(name, record, file.parent, [])
        before = f"{name}: " if len(records) > 1 and record.stages else ""
        subjects.append(replace(subject, parts=_parts(subject, before)))
    return subjects


def _names(records: Sequence[Record], files: Sequence[Path]) -> list[str]:
    """Return the names of the records, with the folder if two names are equal."""
    counts = Counter(record.name for record in records)
    names = [
        record.name if counts[record.name] == 1 else f"{record.name} ({file.parent.name})"
        for record, file in zip(records, files, strict=True)
    ]
    if len(set(names)) < len(names):
        names = [f"{r.name} ({f.parent})" for r, f in zip(records, files, strict=True)]
    return names


def _parts(subject: Subject, before: str) -> list[Part]:
    """Return the parts of a record; their names start with ``before``."""
    record = subject.record
    if not record.stages:
        keys = ("command", "metrics", "curves", "images", "images_per_second", "wall_time_s")
        entry = {"name": record.name, "task": "", **{key: getattr(record, key) for key in keys}}
        return [Part(subject.name, "", subject.name, entry, subject.folder)]
    of_study = subject.kind == "study"
    labels = _labels(record) if of_study else {}
    groups = variants_by_group(record.config) if of_study else {}
    parts = []
    for stage in record.stages:
        name, folder = stage["name"], subject.folder / stage["name"]
        variant = name.rpartition("/")[0]
        parts.append(
            Part(
                before + name,
                stage.get("task", ""),
                before + labels.get(variant, name),
                stage,
                folder if folder.is_dir() else None,
                [group for group, names in groups.items() if variant in names] or (None,),
            )
        )
    return parts


def _labels(record: Record) -> dict[str, str]:
    """Return labels by variant name; the name itself if two variants have the same label."""
    labels = {v["name"]: v["label"] for v in record.config["variants"]}
    counts = Counter(labels.values())
    return {name: label if counts[label] == 1 else name for name, label in labels.items()}


def _number(value: float | None) -> float:
    return math.nan if value is None else value
