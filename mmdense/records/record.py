"""The record of a run, as one JSON file: config, environment and results.

A record contains no absolute paths, so that it can be published and the same config has the same
hash on every machine.
"""

import json
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from mmdense.checkpoints.atomic_backend import write_atomically
from mmdense.records.checks import Check
from mmdense.records.environment import collect_environment, git_state
from mmdense.records.old_records import OLD_SCHEMAS, converted
from mmdense.records.portable import config_hash, portable_config, portable_path

SCHEMA = 4
SIGNIFICANT_DIGITS = 6
FILE_NAME = "record.json"


class RecordError(ValueError):
    """A record cannot be read, written or kept; the message names the file and the field."""


@dataclass
class Record:
    """A run, or a pipeline of runs.

    Attributes:
        slug: Method or group; the folder below ``results/``.
        name: Name of the run; tables show the newest record of a slug and name.
        date: Start of the run, UTC, ISO 8601.
        command: Arguments of the process.
        config: Resolved config.
        config_sha256: See :func:`~mmdense.records.portable.config_hash`.
        seed: Seed of the run.
        metrics: Final value of every scalar metric, with name and unit of the evaluator.
        curves: ``{name: [[step, value], ...]}``; steps count training iterations from 1.
        versions: Versions of Python and packages; ``None`` if a package is not installed.
        hardware: See :func:`~mmdense.records.environment.collect_environment`.
        git: See :func:`~mmdense.records.environment.git_state`, taken at the start.
        wall_time_s: Seconds from start to end, summed over the parts of a resumed run.
        peak_memory_mib: Upper bound of resident memory of rank 0 with its data loader workers.
        peak_gpu_memory_mib: Memory that torch allocated on one GPU; ``None`` without a GPU.
        images: Number of images in the training set.
        images_per_second: Speed of training or of feature extraction, over all ranks.
        cost: See :meth:`~mmdense.records.cost.CostMeter.read`, over the parts of a resumed run and
            all processes.
        data: ``{split: checksum}``, see :func:`~mmdense.records.data_checksum.data_checksum`.
        verdict: Verdict of a hook such as ``mmdense.CollapseHook``: ``name`` and ``reason``.
        stages: One dict for each stage of a pipeline or a study.
        checks: Expected scores, compared with those of the run.
        not_finite: Keys of values in the record that were not finite.
        first_losses: Losses of the first 20 iterations of a training, which
            ``tools/verify.py`` compares with those of other code.
        protocols: Identifier of each protocol of a dense evaluation, with all its settings.
        notes: Remarks for readers.
        schema: Version of this layout.
    """

    slug: str
    name: str
    date: str
    command: list[str]
    config: dict[str, Any]
    config_sha256: str
    seed: int | None
    versions: dict[str, str | None]
    hardware: dict[str, Any]
    git: dict[str, Any]
    metrics: dict[str, float] = field(default_factory=dict)
    curves: dict[str, list[list[float]]] = field(default_factory=dict)
    wall_time_s: float | None = None
    peak_memory_mib: float | None = None
    peak_gpu_memory_mib: float | None = None
    images: int | None = None
    images_per_second: float | None = None
    cost: dict[str, float] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    verdict: dict[str, str] | None = None
    stages: list[dict[str, Any]] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    not_finite: list[str] = field(default_factory=list)
    first_losses: list[float] = field(default_factory=list)
    protocols: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    schema: int = SCHEMA

    @property
    def elsewhere(self) -> dict[str | None, list[str]]:
        """Stages that ran at another commit than that of the record, by commit."""
        found: dict[str | None, list[str]] = {}
        for stage in self.stages:
            commit = stage.get("git", self.git)["commit"]
            if commit != self.git["commit"]:
                found.setdefault(commit, []).append(stage["name"])
        return found

    @classmethod
    def begin(cls, slug: str, name: str, *, config: Mapping, seed: int | None) -> "Record":
        """Return a record of this process with everything that is known at its start."""
        environment = collect_environment()
        return cls(
            slug=slug,
            name=name,
            date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            command=[portable_path(argument) for argument in sys.argv],
            config=portable_config(config),
            config_sha256=config_hash(config),
            seed=seed,
            versions=environment["versions"],
            hardware=environment["hardware"],
            git=git_state(),
        )


def save(record: Record, path: str | Path) -> Path:
    """Write a record as JSON, atomically.

    Metrics, curves, times and stages are rounded to six significant digits. JSON has no NaN, so a
    value that is not finite becomes ``null``, and ``not_finite`` lists its key.

    Returns:
        The path.
    """
    content = asdict(record)
    lost: list[str] = []
    for key in sorted(set(content) - {"config", "notes", "not_finite"}):
        content[key] = _rounded(content[key], key, lost)
    content["not_finite"] = list(dict.fromkeys([*record.not_finite, *lost]))
    return write_json(content, path)


def write_json(content: Any, path: str | Path) -> Path:
    """Write JSON atomically with sorted keys, UTF-8 and a final newline; create the folder."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, indent=1, allow_nan=False)
    text = re.sub(r"\[\s+([^\[\]{}\s]+),\s+([^\[\]{}\s]+)\s+\]", r"[\1, \2]", text)  # curve points
    return write_text(text + "\n", path)


def write_text(text: str, path: str | Path) -> Path:
    """Write a file atomically, in UTF-8; create the folder."""
    write_atomically(text.encode(), path)
    return Path(path)


def load(path: str | Path) -> Record:
    """Return the record in a file; ``null`` in metrics and curves becomes NaN.

    Raises:
        RecordError: The file is missing, is not JSON, has another schema, or lacks a field.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecordError(f"{path}: no such record") from None
    except ValueError as error:
        raise RecordError(f"{path}: not JSON ({error})") from error
    if not isinstance(content, dict):
        raise RecordError(f"{path}: expected a JSON object, found {type(content).__name__}")
    if content.get("schema") not in (SCHEMA, *OLD_SCHEMAS):
        raise RecordError(
            f"{path}: field 'schema' is {content.get('schema')!r}, this version reads up to "
            f"{SCHEMA}. Run again, or use the version of mmdense that wrote it (field 'versions')"
        )
    if content["schema"] in OLD_SCHEMAS:
        content = converted(content)
    content.setdefault("protocols", {})  # records before dense evaluation lack them
    known = {entry.name for entry in fields(Record)}
    for problem, names in (("lacks", known - set(content)), ("unknown", set(content) - known)):
        if names:
            raise RecordError(f"{path}: {problem} field(s) {', '.join(sorted(names))}")
    for name, kind in (("metrics", dict), ("curves", dict), ("stages", list), ("config", dict)):
        if not isinstance(content[name], kind):
            raise RecordError(f"{path}: field '{name}' must be a {kind.__name__}")
    content["metrics"] = {
        key: _number(value, f"{path}: field 'metrics.{key}'")
        for key, value in content["metrics"].items()
    }
    content["checks"] = [Check.from_dict(check) for check in content["checks"]]
    content["first_losses"] = [
        _number(value, f"{path}: field 'first_losses'") for value in content["first_losses"]
    ]
    content["curves"] = {
        key: _points(curve, f"{path}: field 'curves.{key}'")
        for key, curve in content["curves"].items()
    }
    return Record(**content)


def keep(
    record: Record, what: str, *, root: str | Path = "results", allow_dirty: bool = False
) -> Path:
    """Write a record to ``<root>/<slug>/<date>_<what>/record.json``, for tables.

    Args:
        record: The record.
        what: Name of the folder: letters, digits, ``_``, ``-`` and ``.``.
        root: Folder of kept results.
        allow_dirty: Whether to keep a record of uncommitted code.

    Returns:
        The path of the file.

    Raises:
        RecordError: The code was not committed, the record exists, or a name cannot be a folder.
    """
    for entry, text in (("slug", record.slug), ("what", what)):
        if not re.fullmatch(r"\w[\w.-]*", text, re.ASCII):
            raise RecordError(f"{entry} {text!r} cannot name a folder: use letters, digits, _ - .")
    if not allow_dirty and record.git["commit"] is None:
        raise RecordError(
            f"record {record.name!r} has no commit: it was not run in a git checkout. "
            "Run it in a checkout, or set allow_dirty=True"
        )
    if not allow_dirty and record.git["dirty"]:
        raise RecordError(
            f"record {record.name!r} was run with uncommitted changes "
            f"({', '.join(record.git['dirty_files'][:5])}): commit them and run again, "
            "or set allow_dirty=True"
        )
    path = Path(root) / record.slug / f"{record.date[:10]}_{what}" / FILE_NAME
    if path.exists():
        raise RecordError(f"{path} exists: a kept record is never overwritten, use another 'what'")
    return save(record, path)


def _number(value: Any, where: str) -> float:
    if value is not None and not isinstance(value, int | float):
        raise RecordError(f"{where} must be a number or null, found {value!r}")
    return math.nan if value is None else value


def _points(curve: Any, where: str) -> list[list[float]]:
    if not isinstance(curve, list) or any(
        not isinstance(point, list) or len(point) != 2 for point in curve
    ):
        raise RecordError(f"{where} must be a list of [step, value]")
    return [[_number(step, where), _number(value, where)] for step, value in curve]


def _name_of(entry: Any) -> str:
    """Return the suffix for the key of a list entry with a name, such as a stage."""
    return f".{entry['name']}" if isinstance(entry, Mapping) and "name" in entry else ""


def _rounded(value: Any, where: str, lost: list[str]) -> Any:
    """Return a copy with rounded floats; add keys of values that are not finite to ``lost``."""
    if isinstance(value, Mapping):
        return {str(k): _rounded(v, f"{where}.{k}", lost) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry, f"{where}{_name_of(entry)}", lost) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        lost.append(where)
        return None
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
