"""A pipeline: data, the stages that feed each other, and the record of them all."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from rich.console import Console
from rich.table import Table

from mmdense.data.collage import generate as collage
from mmdense.data.sets.prepare import DATASET_HOMES, prepare
from mmdense.records.expected import compare_expected
from mmdense.records.record import keep, save
from mmdense.workflow.progress import StageProgress
from mmdense.workflow.stage import (
    Stage,
    fingerprint,
    last_checkpoint,
    read_stages,
    run_stage,
)
from mmdense.workflow.stage_images import draw_stage

__all__ = ["Pipeline", "check_data", "prepare_data"]

_REQUIRED = ("name", "seed", "data", "stages", "compare")
_SHARED = ("Pipeline", "Pretrained on", "Time of all")  # columns that are equal in all rows
_DATA_NOTES = ("prepared.json", "collage.json")  # what the two kinds of data sets say of themselves


@dataclass
class Pipeline:
    """A pipeline config, read and checked.

    Attributes:
        cfg: The config: ``name``, ``seed``, ``data``, ``stages`` and ``compare``.
        stages: Its stages.
        work_dir: Where everything is written.
        console: Where progress is printed.
    """

    cfg: Config
    stages: list[Stage]
    work_dir: Path
    console: Console

    @classmethod
    def from_file(
        cls, path: Path, *, work_dir: Path | None = None, seed: int | None = None
    ) -> "Pipeline":
        """Read a pipeline config.

        Args:
            path: The config.
            work_dir: Default ``work_dirs/<name>``.
            seed: Takes the place of the config's.

        Raises:
            ValueError: A key is missing, or a data set, stage or comparison is wrong; the message
                names it.
        """
        cfg = Config.fromfile(path)
        missing = [key for key in _REQUIRED if key not in cfg]
        if missing:
            raise ValueError(f"{path} lacks {', '.join(missing)}")
        if seed is not None:
            cfg.seed = seed
        check_data(cfg.data, str(path))
        stages = read_stages(cfg.stages)
        names = {stage.name for stage in stages}
        for number, row in enumerate(cfg.compare):
            for side in ("ssl", "random") if "random" in row else ("ssl",):
                if row.get(side) not in names:
                    raise ValueError(
                        f"{path}: compare[{number}].{side} is {row.get(side)!r}, not a stage"
                    )
        return cls(cfg, stages, work_dir or Path("work_dirs") / cfg.name, Console())

    def run(self, *, source: Path | None = None) -> None:
        """Prepare the data and run the stages whose inputs have changed.

        Args:
            source: Folder with the archives of real data, for sets that are not generated.

        Raises:
            StageError: A stage failed.
            ValueError, OSError: The data cannot be prepared.
        """
        self.work_dir.mkdir(parents=True, exist_ok=True)
        data = prepare_data(self.cfg.data, source)
        marks: dict[str, str] = {}
        for number, stage in enumerate(self.stages, start=1):
            before = self._stage(stage.after) if stage.after else None
            mark = fingerprint(
                stage,
                data=data,
                before=marks[before.name] if before else None,
                seed=self.cfg.seed,
            )
            marks[stage.name] = mark
            label = f"[{number}/{len(self.stages)}] {stage.name}"
            with StageProgress(label, self.console) as progress:
                ran = run_stage(
                    stage,
                    work_dir=self.work_dir,
                    mark=mark,
                    checkpoint=last_checkpoint(before.name, self.work_dir) if before else None,
                    seed=self.cfg.seed,
                    on_line=progress.line,
                )
                progress.done(f"done in {progress.elapsed}" if ran else "unchanged, not run again")
            if stage.tool == "train" and (why := draw_stage(stage.name, self.work_dir)):
                self.console.print(f"{label}: no pictures: {why}", markup=False, soft_wrap=True)

    def report(self, *, keep_as: str | None = None) -> Path:
        """Write record, table, plots and the page of the finished stages to the work directory.

        The record is written first: what fails later does not lose it.

        Args:
            keep_as: Also keep the record below ``results/pipelines`` under this name.

        Returns:
            The path of the record.

        Raises:
            RecordError: The record cannot be kept: uncommitted code, or a name that is taken.
        """
        from mmdense.report.page import write_report
        from mmdense.workflow import pipeline_report  # late: matplotlib is slow to import

        record = pipeline_report.collect(self.cfg, self.stages, self.work_dir)
        record.notes += compare_expected(self.cfg.get("expected", []), record.metrics)
        path = save(record, self.work_dir / "record.json")
        table = pipeline_report.write_table(record, self.work_dir / "table.md")
        pictures = pipeline_report.write_pictures(record, self.work_dir)
        self.console.print(_for_terminal(table))
        for note in record.notes:
            self.console.print(note, markup=False, highlight=False, soft_wrap=True)
        written = [path, self.work_dir / "table.md", *pictures]
        if keep_as:
            written.append(keep(record, keep_as))
        for file in written:
            self.console.print(f"wrote {file}", markup=False, highlight=False, soft_wrap=True)
        page = write_report([self.work_dir])
        self.console.print(f"wrote {page}", markup=False, highlight=False, soft_wrap=True)
        return path

    def _stage(self, name: str) -> Stage:
        return next(stage for stage in self.stages if stage.name == name)


def _for_terminal(markdown: str) -> Table:
    """The Markdown table of one pipeline as rich draws it; what all rows share is its title."""
    header, _, *rows = [
        [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]
        for line in markdown.splitlines()
        if line.startswith("|")
    ]
    shared = {name: cell for name, cell in zip(header, rows[0]) if name in _SHARED}
    table = Table(title=", ".join(f"{name.lower()} {cell}" for name, cell in shared.items()))
    for name in header:
        if name not in _SHARED:
            table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(cell for name, cell in zip(header, row) if name not in _SHARED))
    return table


def prepare_data(entries: list[dict], source: Path | None) -> str:
    """Make or find every data set; returns a hash over what they say of themselves."""
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


def check_data(entries: list[dict], where: str) -> None:
    """Refuse data sets that nobody can prepare.

    Raises:
        ValueError: there is no data set of a name, or no Collage of a size.
    """
    for number, entry in enumerate(entries):
        if entry.get("name") == "collage":
            if entry.get("size") not in collage.SIZES:
                raise ValueError(
                    f"{where}: data[{number}].size is {entry.get('size')!r}; it can be one of "
                    f"{', '.join(collage.SIZES)}"
                )
        elif entry.get("name") not in DATASET_HOMES:
            raise ValueError(
                f"{where}: data[{number}].name is {entry.get('name')!r}; it can be one of collage, "
                f"{', '.join(DATASET_HOMES)}"
            )
