"""A pipeline: data, stages that start from each other, and comparisons of their scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mmcv

from mmdense.records.record import Record, write_text
from mmdense.report.tables import pipelines_table
from mmdense.visual.contact_sheet import sheet_of_images
from mmdense.workflow.runner import Workflow, check_config, remarks
from mmdense.workflow.stage import read_plan, read_stages

__all__ = ["Pipeline"]

_SHOWN = 6  # number of sample predictions on a sheet
_LOSS = "train/loss"
_REQUIRED = ("name", "seed", "data", "stages", "compare")


class Pipeline(Workflow):
    """A checked pipeline config."""

    draws_images = True

    @classmethod
    def from_file(
        cls, path: Path, *, work_dir: Path | None = None, seed: int | None = None
    ) -> Pipeline:
        """Read a pipeline config.

        Args:
            path: Path of the config.
            work_dir: Work directory, by default ``work_dirs/<name>``.
            seed: Replaces the seed of the config.

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
        path = self.work_dir / "table.md"
        table = pipelines_table([("", record)])
        below = "".join(f"\n{note}\n" for note in remarks(record))
        write_text(f"{table.markdown()}\n{below}", path)
        shared, rest = table.split_shared(("pipeline", "pretrained_on", "time"))
        title = ", ".join(f"{label.lower()} {text}" for label, text in shared.items())
        self.console.print(replace(rest, title=title).terminal())
        return [path, *_plot(record, self.work_dir / "plots"), *_sheets(record, self.work_dir)]


def _plot(record: Record, folder: Path) -> list[Path]:
    """Plot the loss of each pretraining, and loss and metric of each comparison."""
    from mmdense.records.plots import plot_curves  # late: matplotlib is slow to import

    curves = {stage["name"]: stage["curves"] for stage in record.stages}
    pretrained = [stage["name"] for stage in record.stages if stage["task"] == "pretrain"]
    plots = {f"{name}_loss": ([name], _LOSS) for name in pretrained}
    for row in record.config["compare"]:
        if "random" in row:
            pair = [row["ssl"], row["random"]]
            plots[f"{row['task']}_loss"] = (pair, _LOSS)
            plots[f"{row['task']}_metric"] = (pair, f"val/{row['metric']}")
    return [
        plot_curves({name: curves[name] for name in names}, [key], folder / f"{file}.png")
        for file, (names, key) in plots.items()
        if all(curves[name].get(key) for name in names)
    ]


def _sheets(record: Record, work_dir: Path) -> list[Path]:
    """Draw a sheet of sample predictions for each stage that has some."""
    written = []
    for name in (stage["name"] for stage in record.stages):
        samples = sorted((work_dir / name / "predictions").glob("*.png"))[:_SHOWN]
        if samples:
            images = [mmcv.imread(str(sample), channel_order="rgb") for sample in samples]
            titles = [f"{sample.stem}: ground truth, prediction" for sample in samples]
            path = work_dir / "plots" / f"{name}_samples.png"
            path.parent.mkdir(exist_ok=True)
            sheet_of_images(images, titles).save(path)
            written.append(path)
    return written
