"""A stage of a pipeline: run once, and again only when what goes into it has changed.

A stage is one of the tools (train, linear_probe, knn) over one config, in a process of its own:
the hosts' global registries and default scopes then cannot disturb each other. What a stage did is
kept in ``<work_dir>/<stage>/stage.json`` under a fingerprint of everything that went into it.

    fingerprint(stage) = hash(tool, options, resolved config, data, fingerprint of the stage before)
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmdense.checkpoints.file_sha256 import file_sha256
from mmdense.config.options import format_options
from mmdense.records.expected import PART_OF_A_WHOLE
from mmdense.version import __version__

__all__ = [
    "Stage",
    "StageError",
    "fingerprint",
    "last_checkpoint",
    "read_stages",
    "run_stage",
]

TOOLS = ("train", "linear_probe", "knn")
_TOOL_FOLDER = Path(__file__).resolve().parents[2] / "tools"


class StageError(RuntimeError):
    """A stage ended with an error; the message holds the end of its output."""


@dataclass(frozen=True)
class Stage:
    """One step of a pipeline.

    Attributes:
        name: Folder below the pipeline's work directory, and key in its record.
        tool: One of ``TOOLS``.
        config: The config that the tool runs.
        task: What is measured, such as 'detection'; for the tables.
        data: Names of the data sets, as a person reads them.
        after: The stage whose checkpoint this one starts from; None starts at random.
        options: Further arguments of the tool.
        cfg_options: Overrides of the config.
        gpus: Processes that train, each on a GPU of this machine.
    """

    name: str
    tool: str
    config: str
    task: str
    data: str
    after: str | None = None
    options: tuple[str, ...] = ()
    cfg_options: dict[str, Any] = field(default_factory=dict)
    gpus: int = 1

    def folder(self, work_dir: Path) -> Path:
        """Where the stage writes."""
        return work_dir / self.name


def last_checkpoint(name: str, work_dir: Path) -> Path:
    """The last checkpoint of a finished training stage.

    Args:
        name: Of the stage.
        work_dir: Of the pipeline or study.

    Raises:
        StageError: MMEngine left no note of one.
    """
    note = work_dir / name / "last_checkpoint"
    if not note.is_file():
        raise StageError(f"stage {name!r} left no checkpoint in {work_dir / name}")
    return Path(note.read_text().strip())


def read_stages(entries: list[dict]) -> list[Stage]:
    """Stages from the ``stages`` list of a pipeline config, checked before anything runs.

    Raises:
        ValueError: An unknown key or tool, a name used twice, a stage that starts from one that
            does not stand before it, or a config that does not exist.
    """
    stages: list[Stage] = []
    for number, entry in enumerate(entries):
        where = f"stages[{number}]"
        try:
            stage = Stage(**{**entry, "options": tuple(entry.get("options", ()))})
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
            raise ValueError(f"{where}.after is {stage.after!r}, which trains nothing")
        if not Path(stage.config).is_file():
            raise ValueError(f"{where}.config: there is no file {stage.config}")
        stages.append(stage)
    return stages


def fingerprint(stage: Stage, *, data: str, before: str | None, seed: int) -> str:
    """A hash over all that decides what a stage computes, with the content of files it starts from.

    Args:
        stage: The stage.
        data: Fingerprint of the prepared data.
        before: Fingerprint of the stage that this one starts from, or None.
        seed: Seed of the pipeline.
    """
    config = Config.fromfile(stage.config).to_dict()
    config.pop("expected", None)  # says what should come out, not what is done
    parts = {
        "version": __version__,
        "tool": stage.tool,
        "options": list(stage.options),
        "cfg_options": stage.cfg_options,
        "config": config,
        "data": data,
        "before": before,
        "seed": seed,
        **({"gpus": stage.gpus} if stage.gpus > 1 else {}),
    }
    files = [Path(option) for option in stage.options if Path(option).is_file()]
    if files:
        parts["files"] = [file_sha256(file) for file in files]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def run_stage(
    stage: Stage,
    *,
    work_dir: Path,
    mark: str,
    checkpoint: Path | None,
    seed: int,
    on_line: Callable[[str], None],
) -> bool:
    """Run a stage unless its last run had the same fingerprint; False where nothing was to do.

    A stage that was interrupted under the same fingerprint goes on from its last checkpoint; one
    whose inputs have changed begins in an empty folder.

    Args:
        stage: The stage.
        work_dir: Folder of the pipeline.
        mark: Fingerprint of the stage.
        checkpoint: What the stage starts from.
        seed: Random seed.
        on_line: Called with each line that the tool prints.

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
    folder.mkdir(parents=True, exist_ok=True)
    _write_note(note, mark, "running")
    _execute(_command(stage, folder, checkpoint, seed), folder / "output.log", on_line, stage.name)
    _write_note(note, mark, "done")
    return True


def _command(stage: Stage, folder: Path, checkpoint: Path | None, seed: int) -> list[str]:
    command = [sys.executable, str(_TOOL_FOLDER / f"{stage.tool}.py"), stage.config]
    if stage.tool == "train":
        if stage.gpus > 1:
            command = [str(_TOOL_FOLDER / "dist_train.sh"), stage.config, str(stage.gpus)]
        command += ["--init", str(checkpoint)] if checkpoint else []
        command += ["--resume"] if any(folder.glob("*.pth")) else []
    else:
        command += [str(checkpoint)] if checkpoint else ["--random"]
    command += ["--work-dir", str(folder), "--seed", str(seed), *stage.options]
    if stage.cfg_options:
        command += ["--cfg-options", *format_options(stage.cfg_options)]
    return command


def _execute(
    command: list[str], log: Path, on_line: Callable[[str], None], name: str, shown: int = 25
) -> None:
    """Run a tool with its output in a file, passing lines on as they come."""
    with log.open("a") as output:
        environment = {"PYTHON": sys.executable, **os.environ, PART_OF_A_WHOLE: "1"}
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment
        )
        try:
            for line in _follow(log, process):
                on_line(line)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode != 0:
        end = "\n".join(log.read_text().splitlines()[-shown:])
        raise StageError(
            f"stage {name!r} ended with code {process.returncode}; the end of {log}:\n{end}"
        )


def _follow(log: Path, process: subprocess.Popen, pause: float = 0.2) -> Iterator[str]:
    """Lines added to a file while a process runs."""
    with log.open() as reader:
        reader.seek(0, 2)
        running = True
        while running:
            running = process.poll() is None
            yield from (line.rstrip() for line in reader.read().splitlines())
            if running:
                time.sleep(pause)


def _write_note(note: Path, mark: str, state: str) -> None:
    temporary = note.with_suffix(".tmp")
    temporary.write_text(json.dumps({"fingerprint": mark, "state": state}) + "\n")
    temporary.replace(note)
