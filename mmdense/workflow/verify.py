"""Repeat the first steps of a record's trainings with the present code, and compare the losses."""

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from mmengine.config import Config

from mmdense.config.options import format_options, read_keys
from mmdense.records.environment import collect_environment, git_state
from mmdense.records.kept_results import Verified
from mmdense.records.record import Record
from mmdense.records.record_hook import ONLY_FIRST_LOSSES
from mmdense.workflow.runner import prepare_data
from mmdense.workflow.stage import TOOL_FOLDER, Stage, read_stages, run_tool
from mmdense.workflow.study_stages import study_stages

__all__ = ["Training", "compared_losses", "trainings_of", "verify"]

_OPTIONS = ("--cfg-options", "--amp", "--auto-scale-lr", "--init", "--allow")  # of tools/train.py


class Training(NamedTuple):
    """A training of a record that can be repeated.

    Attributes:
        name: Name of its stage, or of the record.
        arguments: Arguments of ``tools/train.py``, without the work directory.
        losses: Recorded losses of its first iterations.
    """

    name: str
    arguments: list[str]
    losses: list[float]


def verify(
    record: Record,
    *,
    seeds: int = 1,
    steps: int = 20,
    source: Path | None = None,
    show: Callable[[str], None] = print,
) -> Verified:
    """Repeat the first steps of a record and return how closely the losses agree.

    Args:
        record: Record of a training, a pipeline or a study.
        seeds: Number of seeds of each variant of a study, from the first on.
        steps: Maximum number of iterations of each training.
        source: Folder with the archives of real data, for sets that are not generated.
        show: Called with one message for each training.

    Raises:
        ValueError: Nothing of the record can be repeated, or its data cannot be prepared.
        StageError: A training failed.
    """
    if "data" in record.config and record.stages:
        prepare_data(Config({"data": record.config["data"]}).data, source)
    for name, version in collect_environment()["versions"].items():
        if record.versions.get(name) not in (None, version):
            show(f"{name}: {record.versions[name]} recorded, {version} now")
    found: dict[str, float] = {}
    most = 0
    with TemporaryDirectory() as folder:
        trainings, skipped = trainings_of(record, Path(folder), seeds=seeds)
        for name, reason in skipped.items():
            show(f"{name}: not repeated: {reason}")
        if not trainings:
            raise ValueError(f"record {record.name!r}: no training can be repeated")
        for training in trainings:
            losses = _first_losses(training, Path(folder), min(steps, len(training.losses)))
            most = max(most, len(losses))
            found[training.name], lines = compared_losses(training.losses, losses)
            text = f"largest deviation {found[training.name]:.2g}"
            show("\n  ".join([f"{training.name}: {len(losses)} steps, {text}", *lines]))
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    largest = max(found.values())
    return Verified(str(git_state()["commit"]), date, most, largest, found)


def trainings_of(
    record: Record, folder: Path, *, seeds: int = 1
) -> tuple[list[Training], dict[str, str]]:
    """Return the trainings of a record that can be repeated, and ``{name: reason}`` of the others.

    Args:
        record: Record of a training, a pipeline or a study.
        folder: Folder for the configs.
        seeds: Number of seeds of each variant of a study, from the first on.
    """
    if not record.stages:
        recorded = {record.name: record.first_losses}
        stages = [_stage(record, folder)]
    else:
        recorded = {stage["name"]: stage["first_losses"] for stage in record.stages}
        stages = _stages(record, folder, seeds)
    found, skipped = [], {}
    for stage in stages:
        if stage.tool != "train":
            continue
        if stage.after:
            skipped[stage.name] = f"it starts from the weights of {stage.after}"
        elif not recorded.get(stage.name):
            skipped[stage.name] = "its record has no losses of single iterations"
        else:
            arguments = [stage.config, "--seed", str(stage.seed), *stage.options]
            if stage.cfg_options:
                arguments += ["--cfg-options", *format_options(stage.cfg_options)]
            found.append(Training(stage.name, arguments, recorded[stage.name]))
    return found, skipped


def compared_losses(
    recorded: Sequence[float], repeated: Sequence[float]
) -> tuple[float, list[str]]:
    """Return the largest relative difference of losses, and a line for each that differs.

    Losses are compared with six significant digits, as in the record; NaN equals NaN.
    """
    largest, lines = 0.0, []
    for step, (before, now) in enumerate(zip(recorded, repeated), start=1):
        if before == now or (math.isnan(before) and math.isnan(now)):
            continue
        off = abs(now - before) / max(abs(before), 1e-12)
        off = math.inf if math.isnan(off) else off
        largest = max(largest, off)
        if off > 1e-5:
            lines.append(f"step {step}: {before:.6g} recorded, {now:.6g} now ({off:.2g})")
    return largest, lines


def _stages(record: Record, folder: Path, seeds: int) -> list[Stage]:
    """Return the stages of a pipeline, or of a study with the first seeds."""
    cfg = Config(dict(record.config))
    if "variants" not in record.config:
        return read_stages([dict(entry) for entry in cfg.stages], cfg.seed)
    cfg.seeds = cfg.seeds[:seeds]
    return study_stages(cfg, folder)


def _stage(record: Record, folder: Path) -> Stage:
    """Return the training of a record: from its config file, or from its recorded config.

    The config file comes first, because the recorded config is JSON: its tuples are lists, which
    some components do not accept.
    """
    config, *arguments = record.command[1:] or [""]
    options: list[str] = []
    kept = False
    for argument in arguments:
        kept = argument.partition("=")[0] in _OPTIONS if argument.startswith("--") else kept
        options += [argument] if kept else []
    if not Path(config).is_file():
        config, options = str(folder / "config.py"), []
        Config(_without_launch(record.config)).dump(config)
    return Stage(record.name, "train", config, "", "", record.seed or 0, options=tuple(options))


def _without_launch(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resolved config without the variables of its file and the launch settings."""
    known = read_keys() - {"work_dir", "resume", "launcher", "expected"}
    return {key: value for key, value in config.items() if key in known}


def _first_losses(training: Training, folder: Path, steps: int) -> list[float]:
    """Train a few steps in a separate process, and return their losses."""
    work = folder / training.name
    losses = work / "first_losses.json"
    work.mkdir(parents=True, exist_ok=True)
    config, *arguments = training.arguments
    command = [sys.executable, str(TOOL_FOLDER / "train.py"), config, "--work-dir", str(work)]
    environment = {ONLY_FIRST_LOSSES: f"{steps}:{losses}"}
    run_tool(training.name, [*command, *arguments], work / "output.log", environment)
    return [float(f"{loss:.6g}") for loss in json.loads(losses.read_text())]
