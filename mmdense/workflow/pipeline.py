"""A pipeline: data, the stages that feed each other, and what they are compared by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mmdense.records.record import Record
from mmdense.workflow.runner import Workflow, check_config
from mmdense.workflow.stage import read_plan, read_stages

__all__ = ["Pipeline"]

_REQUIRED = ("name", "seed", "data", "stages", "compare")


class Pipeline(Workflow):
    """A pipeline config, read and checked."""

    draws_images = True
    slug = "pipelines"

    @classmethod
    def from_file(
        cls, path: Path, *, work_dir: Path | None = None, seed: int | None = None
    ) -> Pipeline:
        """Read a pipeline config.

        Args:
            path: The config.
            work_dir: Default ``work_dirs/<name>``.
            seed: Replaces that of the config.

        Raises:
            ValueError: A key is missing, or a data set, stage or comparison is wrong; the message
                names it.
        """
        cfg = read_plan(path)
        check_config(cfg, str(path), _REQUIRED)
        if seed is not None:
            cfg.seed = seed
        stages = read_stages(cfg.stages, cfg.seed)
        names = {stage.name for stage in stages}
        for number, row in enumerate(cfg.compare):
            for side in ("ssl", "random") if "random" in row else ("ssl",):
                if row.get(side) not in names:
                    raise ValueError(
                        f"{path}: compare[{number}].{side} is {row.get(side)!r}, not a stage"
                    )
        return cls(cfg, stages, work_dir or Path("work_dirs") / cfg.name)

    def summarise(self, record: Record) -> None:
        """Keep each metric of a stage as ``<stage>/<metric>``."""
        for stage in record.stages:
            record.metrics |= {f"{stage['name']}/{key}": v for key, v in stage["metrics"].items()}

    def write_tables(self, record: Record) -> list[Path]:
        """Write the comparisons, and plots of losses, metrics and sample predictions."""
        from mmdense.workflow import pipeline_report  # late: matplotlib is slow to import

        path = self.work_dir / "table.md"
        table = pipeline_report.write_table(record, path)
        shared, rest = table.split_shared(("pipeline", "pretrained_on", "time"))
        title = ", ".join(f"{label.lower()} {text}" for label, text in shared.items())
        self.console.print(replace(rest, title=title).terminal())
        return [path, *pipeline_report.write_pictures(record, self.work_dir)]
