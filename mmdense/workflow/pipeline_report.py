"""The record of a pipeline, collected from those of its stages, with its table and pictures."""

from pathlib import Path
from typing import Any

import mmcv

from mmdense.records.plots import plot_curves
from mmdense.records.portable import portable_path
from mmdense.records.record import FILE_NAME, Record, load
from mmdense.report.table import Table
from mmdense.report.tables import pipelines_table
from mmdense.visual.contact_sheet import sheet_of_pictures
from mmdense.workflow.stage import Stage

__all__ = ["gather", "remarks", "write_pictures", "write_table"]

_SHOWN = 6  # sample predictions on a contact sheet
_LOSS = "train/loss"


def gather(record: Record, stages: list[Stage], work_dir: Path) -> None:
    """Add to a record what its stages left: entries, times and costs.

    Raises:
        RecordError: A stage left no record.
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
    """What a reader of the numbers should know, one sentence each."""
    return [
        *record.notes,
        *(f"ran at commit {commit}: {', '.join(at)}" for commit, at in record.elsewhere.items()),
        *(str(check) for check in record.checks),
    ]


def write_table(record: Record, path: Path) -> Table:
    """Write the comparison of a pipeline as the README shows it, and the notes below."""
    table = pipelines_table([("", record)])
    below = "".join(f"\n{note}\n" for note in remarks(record))
    path.write_text(f"{table.markdown()}\n{below}", encoding="utf-8")
    return table


def write_pictures(record: Record, work_dir: Path) -> list[Path]:
    """Draw losses, metrics and sample predictions to ``<work_dir>/plots``; returns the files."""
    folder = work_dir / "plots"
    folder.mkdir(parents=True, exist_ok=True)
    curves = {stage["name"]: stage["curves"] for stage in record.stages}
    written = []
    for stage in record.stages:
        if stage["task"] == "pretrain":
            path = folder / f"{stage['name']}_loss.png"
            plot_curves({stage["name"]: curves[stage["name"]]}, [_LOSS], path)
            written.append(path)
    for row in record.config["compare"]:
        if "random" not in row:
            continue  # its curves stand beside no others
        runs = {name: curves[name] for name in (row["ssl"], row["random"])}
        for key, what in ((_LOSS, "loss"), (f"val/{row['metric']}", "metric")):
            if all(run.get(key) for run in runs.values()):
                path = folder / f"{row['task']}_{what}.png"
                plot_curves(runs, [key], path)
                written.append(path)
    for stage in record.stages:
        samples = sorted((work_dir / stage["name"] / "predictions").glob("*.png"))[:_SHOWN]
        if samples:
            path = folder / f"{stage['name']}_samples.png"
            images = [mmcv.imread(str(s), channel_order="rgb") for s in samples]
            titles = [f"{s.stem}: truth, prediction" for s in samples]
            sheet_of_pictures(images, titles).save(path)
            written.append(path)
    return written


def _entry(stage: Stage, part: Record) -> dict[str, Any]:
    """What the record of a pipeline keeps of a stage."""
    return {
        "name": stage.name,
        "task": stage.task,
        "data": stage.data,
        "init": "ssl" if stage.after else "random",
        "tool": stage.tool,
        "config": portable_path(stage.config),
        "config_sha256": part.config_sha256,
        "command": part.command,
        "metrics": part.metrics,
        "verdict": part.verdict,
        "first_losses": part.first_losses,
        "curves": part.curves,
        "wall_time_s": part.wall_time_s,
        "peak_memory_mib": part.peak_memory_mib,
        "images": part.images,
        "images_per_second": part.images_per_second,
        "git": part.git,
    }
