"""A stage: one tool with one config, which runs again only if its inputs have changed.

Each stage is a process, because the registries and the default scope of MMEngine are global. Its
folder has a ``stage.json`` with a fingerprint of everything that decides what the stage computes::

    fingerprint(stage) = hash(tool, options, resolved config, data, fingerprint of the stage before)
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmdense.checkpoints.file_sha256 import file_sha256
from mmdense.config.options import format_options, read_config
from mmdense.engine.progress import STATUS_FILE, Status, read_status
from mmdense.package_files import ROOT, locate_config
from mmdense.records.expected import PART_OF_A_WHOLE
from mmdense.records.record import write_json
from mmdense.version import __version__

__all__ = [
    "TOOL_FOLDER",
    "Stage",
    "StageError",
    "fingerprint",
    "last_checkpoint",
    "read_plan",
    "read_stages",
    "run_stage",
    "run_tool",
]

# Tools of stages, with what they take instead of a checkpoint for random weights.
TOOLS = {"train": None, "linear_probe": "--random", "knn": "--random", "dense_eval": "none"}
TOOL_FOLDER = ROOT / "tools"
_POLL_S = 0.5  # between two checks of a running stage
_SHOWN = 25  # lines of output in the message on a failed stage


class StageError(ChildProcessError):
    """A stage ended with an error; the message has the end of its output."""


@dataclass(frozen=True)
class Stage:
    """One tool with one config."""

    name: str  # folder below the work directory, and key in the record
    tool: str  # one of TOOLS
    config: str  # path
    task: str  # such as 'detection'; for the tables
    data: str  # names of the data sets, for the tables
    seed: int
    after: str | None = None  # the stage whose checkpoint this one starts from
    options: tuple[str, ...] = ()  # further arguments of the tool
    cfg_options: dict[str, Any] = field(default_factory=dict)  # overrides of the config
    gpus: int = 1  # processes that train, each on a GPU of this machine
    variant: str = ""  # of a study

    def folder(self, work_dir: Path) -> Path:
        """Return the folder of the stage."""
        return work_dir / self.name


def last_checkpoint(name: str, work_dir: Path) -> Path:
    """Return the last checkpoint of a stage that has trained.

    Raises:
        StageError: MMEngine's ``last_checkpoint`` is missing.
    """
    note = work_dir / name / "last_checkpoint"
    if not note.is_file():
        raise StageError(f"stage {name!r} has no checkpoint: {note} is missing")
    return Path(note.read_text().strip())


def read_plan(file: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Return the config of a pipeline, a study or a suite, with options by dotted keys.

    The configs that it names are replaced by their files
    (:func:`~mmdense.package_files.locate_config`).
    """
    plan = read_config(file, options)
    parts = [part for key in ("stages", "before", "variants") for part in plan.get(key, [])]
    for entry in [plan, *parts]:
        for key in ("config", "base"):
            if isinstance(entry.get(key), str):
                entry[key] = str(locate_config(entry[key]))
    return plan


def read_stages(entries: list[dict], seed: int) -> list[Stage]:
    """Return the checked stages of the list ``stages`` of a pipeline config.

    Raises:
        ValueError: An unknown key or tool, a name used twice, a stage that starts from a later
            one, or a config that does not exist.
    """
    stages: list[Stage] = []
    for number, entry in enumerate(entries):
        where = f"stages[{number}]"
        try:
            stage = Stage(**{**entry, "options": tuple(entry.get("options", ()))}, seed=seed)
        except TypeError as error:
            raise ValueError(f"{where}: {error}") from None
        known = {earlier.name: earlier for earlier in stages}
        if stage.tool not in TOOLS:
            raise ValueError(f"{where}.tool is {stage.tool!r}; it can be one of {', '.join(TOOLS)}")
        if stage.name in known:
            raise ValueError(f"{where}.name {stage.name!r} is used twice")
        if stage.after is not None and stage.after not in known:
            raise ValueError(f"{where}.after is {stage.after!r}, which is not a stage before it")
        if stage.after is not None and known[stage.after].tool != "train":
            raise ValueError(f"{where}.after is {stage.after!r}, which is not a training")
        if not Path(stage.config).is_file():
            raise ValueError(f"{where}.config: no such file {stage.config}")
        stages.append(stage)
    return stages


def fingerprint(stage: Stage, *, data: str, before: str | None) -> str:
    """Return a hash of all inputs of a stage.

    This includes the content of files in its options.

    Args:
        stage: The stage.
        data: Fingerprint of the prepared data.
        before: Fingerprint of the stage that this one starts from, or None.
    """
    config = Config.fromfile(stage.config).to_dict()
    for key in ("expected", "_record", "_paper"):  # these do not change the result
        config.pop(key, None)
    parts = {
        "version": __version__,
        "tool": stage.tool,
        "options": list(stage.options),
        "cfg_options": stage.cfg_options,
        "config": config,
        "data": data,
        "before": before,
        "seed": stage.seed,
        **({"gpus": stage.gpus} if stage.gpus > 1 else {}),
    }
    files = [Path(option) for option in stage.options if Path(option).is_file()]
    if files:
        parts["files"] = [file_sha256(file) for file in files]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def run_stage(
    stage: Stage, *, work_dir: Path, mark: str, show: Callable[[Status | None], None]
) -> bool:
    """Run a stage unless its last run was completed under the same fingerprint.

    A stage that was interrupted under the same fingerprint continues from its last checkpoint; one
    whose inputs have changed starts in an empty folder.

    Args:
        stage: The stage.
        work_dir: Folder of the pipeline.
        mark: Fingerprint of the stage.
        show: Called every half second with the status of the tool, if it has one.

    Returns:
        Whether it ran.

    Raises:
        StageError: The tool failed.
    """
    folder = stage.folder(work_dir)
    note = folder / "stage.json"
    last = json.loads(note.read_text()) if note.is_file() else {}
    if last.get("fingerprint") == mark and last.get("state") == "done":
        return False
    if folder.exists() and last.get("fingerprint") != mark:
        shutil.rmtree(folder)
    write_json({"fingerprint": mark, "state": "running"}, note)
    status = folder / "status.json"
    environment = {"PYTHON": os.environ.get("PYTHON", sys.executable), PART_OF_A_WHOLE: "1"}
    try:
        run_tool(
            f"stage {stage.name!r}",
            _command(stage, work_dir),
            folder / "output.log",
            environment | {STATUS_FILE: str(status)},
            lambda: show(read_status(status)),
        )
    finally:
        status.unlink(missing_ok=True)
    write_json({"fingerprint": mark, "state": "done"}, note)
    return True


def _command(stage: Stage, work_dir: Path) -> list[str]:
    folder = stage.folder(work_dir)
    checkpoint = str(last_checkpoint(stage.after, work_dir)) if stage.after else None
    command = [sys.executable, str(TOOL_FOLDER / f"{stage.tool}.py"), stage.config]
    if stage.tool == "train":
        if stage.gpus > 1:
            command = [str(TOOL_FOLDER / "dist_train.sh"), stage.config, str(stage.gpus)]
        command += ["--init", checkpoint] if checkpoint else []
        command += ["--resume"] if any(folder.glob("*.pth")) else []
    else:
        command += [checkpoint or str(TOOLS[stage.tool])]
    command += ["--work-dir", str(folder), "--seed", str(stage.seed), *stage.options]
    if stage.cfg_options:
        command += ["--cfg-options", *format_options(stage.cfg_options)]
    return command


def run_tool(
    what: str,
    command: list[str],
    log: Path,
    environment: Mapping[str, str],
    show: Callable[[], None] = lambda: None,
) -> None:
    """Run a tool in a process and append its output to ``log``.

    Args:
        what: Name of the work, for the message.
        command: Command with its arguments.
        log: File for the output.
        environment: Additional environment variables.
        show: Called every half second.

    Raises:
        StageError: The tool failed; the message has the end of its output.
    """
    with log.open("a") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **environment}
        )
        try:
            while True:
                try:
                    process.wait(_POLL_S)
                    break
                except subprocess.TimeoutExpired:
                    show()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode != 0:
        end = "\n".join(log.read_text().splitlines()[-_SHOWN:])
        raise StageError(f"{what} ended with code {process.returncode}. End of {log}:\n{end}")
