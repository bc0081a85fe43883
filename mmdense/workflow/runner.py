"""The runner of pipelines, studies and downstream suites: their stages, then their record."""

import hashlib
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from mmengine.config import Config
from rich.console import Console
from rich.status import Status as LiveLine

from mmdense.data.collage import generate as collage
from mmdense.data.sets.prepare import DATASET_HOMES, prepare
from mmdense.engine.progress import Status
from mmdense.records.checks import check_scores
from mmdense.records.portable import portable_path
from mmdense.records.record import FILE_NAME, Record, keep, load, save
from mmdense.visual.drawn import CAPTIONS, FOLDER
from mmdense.workflow.stage import (
    TOOL_FOLDER,
    Stage,
    StageError,
    fingerprint,
    last_checkpoint,
    run_stage,
    run_tool,
)

__all__ = [
    "StageProgress",
    "Workflow",
    "check_config",
    "draw_images",
    "gather",
    "prepare_data",
    "remarks",
]

_DATA_NOTES = ("prepared.json", "collage.json")  # of prepared and of generated data sets
_KEPT = (  # fields of the record of a stage, kept in the record of the whole
    *("config_sha256", "command", "git", "metrics", "verdict", "first_losses", "curves"),
    *("wall_time_s", "peak_memory_mib", "images", "images_per_second", "protocols"),
)
_LINE_S = 30.0  # between two lines on a stage if the output is not a terminal


@dataclass
class Workflow:
    """Several runs and their record; pipelines and studies are subclasses."""

    cfg: Config
    stages: list[Stage]
    work_dir: Path  # where everything is written
    console: Console = field(default_factory=Console)

    draws_images: ClassVar[bool] = False  # of the features of each trained model

    def run(self, *, source: Path | None = None) -> None:
        """Prepare the data and run the stages whose inputs have changed.

        Args:
            source: Folder with the archives of real data, for sets that are not generated.

        Raises:
            StageError: A stage failed.
            ValueError, OSError: The data cannot be prepared.
        """
        data = prepare_data(self.cfg.data, source)
        stages = self.chosen_stages()
        marks: dict[str, str] = {}
        for number, stage in enumerate(stages, start=1):
            before = marks[stage.after] if stage.after else None
            mark = marks[stage.name] = fingerprint(stage, data=data, before=before)
            with StageProgress(f"[{number}/{len(stages)}] {stage.name}", self.console) as progress:
                ran = run_stage(stage, work_dir=self.work_dir, mark=mark, show=progress.show)
                progress.print(f"done in {progress.elapsed}" if ran else "unchanged, not run again")
            draws = self.draws_images and stage.tool == "train"
            if draws and (reason := draw_images(stage.name, self.work_dir)):
                progress.print(f"no images: {reason}")

    def report(self, *, keep_as: str | None = None) -> Path:
        """Write record, table, plots and the HTML report of the finished stages.

        The record is written first, so that a later error does not lose it.

        Args:
            keep_as: Also keep the record below ``results/<slug>`` under this name.

        Returns:
            The path of the record.

        Raises:
            RecordError: A stage has no record; or the record cannot be kept: uncommitted code, or
                the name exists.
        """
        from mmdense.report.page import write_report  # late: matplotlib is slow to import

        seed = self.cfg.get("seed")
        slug = self.cfg.get("slug", "pipelines")
        record = Record.begin(slug, self.cfg.name, config=self.cfg, seed=seed)
        gather(record, self.stages, self.work_dir)
        self.summarise(record)
        record.checks = check_scores(self.cfg.get("expected", []), record.metrics)
        written = [save(record, self.work_dir / FILE_NAME)]
        written += self.write_tables(record)
        for note in remarks(record):
            self.print(note)
        if keep_as:
            written.append(keep(record, keep_as))
        written.append(write_report([self.work_dir]))
        for file in written:
            self.print(f"wrote {file}")
        return written[0]

    def print(self, text: str) -> None:
        """Print text as it is."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def chosen_stages(self) -> list[Stage]:
        """Return the stages that :meth:`run` runs."""
        return self.stages

    def summarise(self, record: Record) -> None:
        """Fill the metrics of the record from its stages."""
        raise NotImplementedError

    def write_tables(self, record: Record) -> list[Path]:
        """Write and print the tables; return the paths of the files."""
        raise NotImplementedError


class StageProgress:
    """Shows the progress of a stage: a live line on a terminal, else a line every 30 s."""

    def __init__(self, label: str, console: Console, interval: float = _LINE_S) -> None:
        self.label = label  # such as "[2/7] detect_ssl"
        self.console = console
        self.interval = interval  # seconds between two lines if the output is not a terminal
        self._begin = self._printed = time.monotonic()
        self._line = LiveLine(label, console=console) if console.is_terminal else None

    def __enter__(self) -> "StageProgress":
        """Show the label."""
        if self._line is not None:
            self._line.start()
        else:
            self.print("started")
        return self

    def __exit__(self, *_: object) -> None:
        """Close the live line."""
        if self._line is not None:
            self._line.stop()

    def show(self, status: Status | None) -> None:
        """Show the status of the stage."""
        if self._line is not None:
            what = f": {status}" if status is not None else ""
            self._line.update(f"{self.label}{what} ({self.elapsed})")
        elif status is not None and time.monotonic() - self._printed >= self.interval:
            self.print(f"{status} ({self.elapsed})")

    def print(self, what: str) -> None:
        """Print a line that stays."""
        self._printed = time.monotonic()
        self.console.print(f"{self.label}: {what}", markup=False, highlight=False, soft_wrap=True)

    @property
    def elapsed(self) -> str:
        """Time since the stage began, as minutes and seconds."""
        minutes, seconds = divmod(int(time.monotonic() - self._begin), 60)
        return f"{minutes}:{seconds:02d}"


def gather(record: Record, stages: list[Stage], work_dir: Path) -> None:
    """Add entries, times and costs of the stages to a record.

    Raises:
        RecordError: A stage has no record.
    """
    parts = [load(stage.folder(work_dir) / FILE_NAME) for stage in stages]
    for stage, part in zip(stages, parts):
        record.stages.append(_entry(stage, part))
        if part.git["dirty"]:
            record.git["dirty"] = True
            files = {*record.git["dirty_files"], *part.git["dirty_files"]}
            record.git["dirty_files"] = sorted(files)
        record.notes += [f"stage {stage.name}: {note}" for note in part.notes]
        record.data |= {f"{stage.name}/{split}": found for split, found in part.data.items()}
        for name, value in part.cost.items():
            record.cost[name] = record.cost.get(name, 0.0) + value
    record.date = min(part.date for part in parts)
    record.wall_time_s = sum(part.wall_time_s or 0.0 for part in parts)
    record.peak_memory_mib = max(part.peak_memory_mib or 0.0 for part in parts)


def remarks(record: Record) -> list[str]:
    """Return remarks on the scores, one sentence each."""
    return [
        *record.notes,
        *(f"ran at commit {commit}: {', '.join(at)}" for commit, at in record.elsewhere.items()),
        *(str(check) for check in record.checks),
    ]


def _entry(stage: Stage, part: Record) -> dict[str, Any]:
    """Return the entry of a stage in the record of the whole."""
    return {
        "name": stage.name,
        "task": stage.task,
        "data": stage.data,
        "init": "ssl" if stage.after else "random",
        "tool": stage.tool,
        "config": portable_path(stage.config),
        **{name: getattr(part, name) for name in _KEPT},
    }


def draw_images(name: str, work_dir: Path) -> str | None:
    """Draw the features of a trained model, unless its images are newer than its weights.

    Returns:
        The reason why there are no images, in one line; ``None`` if there are images. No error is
        raised, because the scores do not depend on the images. ``pictures.log`` has all output.
    """
    folder = work_dir / name
    drawn = folder / FOLDER / CAPTIONS
    if drawn.is_file() and drawn.stat().st_mtime > last_checkpoint(name, work_dir).stat().st_mtime:
        return None
    command = [sys.executable, str(TOOL_FOLDER / "draw_features.py"), str(folder)]
    log = folder / "pictures.log"
    log.unlink(missing_ok=True)
    try:
        run_tool("drawing", command, log, {})
    except StageError as error:
        return (log.read_text(encoding="utf-8").splitlines() or [str(error).partition(".")[0]])[-1]
    return None


def check_config(cfg: Config, where: str, required: Iterable[str]) -> None:
    """Check that a config has all keys and that its data sets are known.

    Raises:
        ValueError: The message names the key.
    """
    if missing := [key for key in required if key not in cfg]:
        raise ValueError(f"{where} lacks {', '.join(missing)}")
    for number, entry in enumerate(cfg.data):
        key, possible = "name", ["collage", *DATASET_HOMES]
        if entry.get("name") == "collage":
            key, possible = "size", list(collage.SIZES)
        if entry.get(key) not in possible:
            raise ValueError(
                f"{where}: data[{number}].{key} is {entry.get(key)!r}; it can be one of "
                f"{', '.join(possible)}"
            )


def prepare_data(entries: list[dict], source: Path | None) -> str:
    """Prepare every data set; return a hash of their descriptions."""
    digest = hashlib.sha256()
    for entry in entries:
        folder = (
            collage.ensure(entry["size"])
            if entry["name"] == "collage"
            else prepare(entry["name"], source)
        )
        notes = [folder / note for note in _DATA_NOTES if (folder / note).is_file()]
        digest.update(b"".join(note.read_bytes() for note in notes))
    return digest.hexdigest()
