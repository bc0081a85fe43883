"""From kept records to the tables of the README files: pure functions, records to Markdown.

Numbers in a table come from ``results/`` and nowhere else. A table of the README is a name in
:data:`TABLES`; :mod:`mmdense.records.marked_tables` puts it in its place.
"""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmdense.records.markdown import markdown
from mmdense.records.record import FILE_NAME, Record, RecordError, load
from mmdense.records.study_table import kept_study

BENCHMARK_FILE_NAME = "benchmark.json"

_SYNTHETIC = "Collage"  # the generated data set; whatever is measured on it is marked
_BENCHMARK_KEYS = ("name", "setting", "other", "ratio")


class Results(NamedTuple):
    """What a results folder holds, oldest first.

    Attributes:
        records: ``(folder, record)``; the folder as ``results/<slug>/<date>_<what>``.
        benchmarks: ``(folder, rows)``.
    """

    records: list[tuple[str, Record]]
    benchmarks: list[tuple[str, list[dict[str, Any]]]]


def read_results(root: str | Path) -> Results:
    """Read every kept record and benchmark below ``<root>/results``.

    Raises:
        RecordError: One of them is broken; the message names the file.
    """
    root = Path(root)
    files = sorted((root / "results").glob(f"*/*/{FILE_NAME}"))
    records = [(file.parent.relative_to(root).as_posix(), load(file)) for file in files]
    records.sort(key=lambda kept: (kept[1].date, kept[0]))
    files = sorted((root / "results" / "benchmarks").glob(f"*/{BENCHMARK_FILE_NAME}"))
    rows = [(file.parent.relative_to(root).as_posix(), _benchmark_rows(file)) for file in files]
    return Results(records, rows)


def pipelines_table(records: Sequence[Record], links: Sequence[str] | None = None) -> str:
    """One row for each comparison that the configs of pipelines name in ``compare``.

    An entry of ``compare`` has ``metric``, ``label``, ``scale`` (by which the metric is multiplied
    to be shown), and ``ssl`` and ``random``, the stages to compare (``random`` may be missing).

    Args:
        records: Of pipelines.
        links: Where each record lies, for a column of links; without them there is none.

    Raises:
        RecordError: A comparison names a stage or a metric that the record does not have.
    """
    rows = []
    for number, record in enumerate(records):
        for index, compared in enumerate(record.config.get("compare", [])):
            where = f"record {record.name!r}: config.compare[{index}]"
            row = [f"`{record.name}`", _pretraining(record), *_comparison(record, compared, where)]
            row += [_duration(record.wall_time_s)]
            row += [_link(record, links[number])] if links else []
            rows.append(row)
    header = ["Pipeline", "Pretrained on", "Measured", "On"]
    header += ["SSL weights", "Random weights", "Difference", "Time of all"]
    header += ["Record"] if links else []
    table = markdown(header, rows, right=("SSL weights", "Random weights", "Difference"))
    if any(_SYNTHETIC in cell for row in rows for cell in row):
        table += f"\n\n{_SYNTHETIC} is generated: its scores are synthetic."
    return table


def benchmarks_table(
    benchmarks: Sequence[dict[str, Any]], links: Sequence[str], *, what: str
) -> str:
    """One row for each benchmark.

    Args:
        benchmarks: With ``name``, ``setting``, ``ours_s``, ``other`` (what it is compared with),
            ``other_s`` and ``ratio`` (how many times faster ours is). Memory is ``ours_mib`` and
            ``other_mib``, and its ratio how many times less ours takes.
        links: The folder that each row comes from.
        what: Head of the first column.
    """
    rows = [
        [
            row["name"],
            row["setting"],
            row["other"],
            _amount(row, "ours"),
            _amount(row, "other"),
            f"{row['ratio']:.2f}",
            f"[{Path(link).name}]({link})",
        ]
        for row, link in zip(benchmarks, links, strict=True)
    ]
    memory = any("ours_mib" in row for row in benchmarks)
    times = "Times faster or smaller" if memory else "Times faster"
    header = [what, "Setting", "Compared with", "Ours", "Other", times, "Record"]
    return markdown(header, rows, right=("Ours", "Other", times))


def _amount(row: dict[str, Any], side: str) -> str:
    if f"{side}_mib" in row:
        return f"{row[f'{side}_mib']:,.0f} MiB"
    return _seconds(row[f"{side}_s"])


def setup_table(records: Sequence[Record], links: Sequence[str]) -> str:
    """One row for each measured installation: metrics ``installed_gib`` and ``setup_s``.

    Raises:
        RecordError: A record lacks one of them.
    """
    rows = []
    for record, link in zip(records, links, strict=True):
        missing = {"installed_gib", "setup_s"} - set(record.metrics)
        if missing:
            raise RecordError(f"{link}: field 'metrics' lacks {', '.join(sorted(missing))}")
        machine = f"{record.hardware['cpu']}, {record.hardware['cores']} cores"
        size = f"{record.metrics['installed_gib']:.1f} GiB"
        time = _duration(record.metrics["setup_s"])
        rows.append([machine, str(record.versions["python"]), size, time, _link(record, link)])
    header = ["Machine", "Python", "Installed", "Set-up", "Record"]
    return markdown(header, rows, right=("Installed", "Set-up"))


def _kept_pipelines(results: Results, to_root: str) -> str:
    newest = _newest(results, "pipelines")
    return pipelines_table(list(newest.values()), [to_root + folder for folder in newest])


def _kept_setup(results: Results, to_root: str) -> str:
    newest = _newest(results, "setup")
    return setup_table(list(newest.values()), [to_root + folder for folder in newest])


def _kept_benchmarks(kind: str, what: str) -> Callable[[Results, str], str]:
    """The table of the folders ``<date>_<kind>``.

    Of rows that compare the same in one setting, the one in the last folder counts.
    """

    def table(results: Results, to_root: str) -> str:
        newest = {
            (row["name"], row["setting"], row["other"]): (row, to_root + folder)
            for folder, rows in results.benchmarks
            if folder.endswith(f"_{kind}")
            for row in rows
        }
        rows, links = zip(*newest.values(), strict=True) if newest else ((), ())
        return benchmarks_table(rows, links, what=what)

    return table


def memory_table(records: Sequence[Record], links: Sequence[str]) -> str:
    """One row for each run whose memory was watched: ``steps``, ``early_mib``, ``late_mib``.

    Raises:
        RecordError: A record lacks one of them.
    """
    rows = []
    for record, link in zip(records, links, strict=True):
        missing = {"steps", "early_mib", "late_mib"} - set(record.metrics)
        if missing:
            raise RecordError(f"{link}: field 'metrics' lacks {', '.join(sorted(missing))}")
        early, late = record.metrics["early_mib"], record.metrics["late_mib"]
        change = f"{100 * (late / early - 1):+.2f} %"
        cells = [f"{record.metrics['steps']:,.0f}", f"{early:,.0f} MiB", f"{late:,.0f} MiB", change]
        rows.append([record.name, *cells, _link(record, link)])
    header = ["Run", "Steps", "Resident after warm-up", "At the end", "Change", "Record"]
    return markdown(header, rows, right=header[1:5])


def _kept_memory(results: Results, to_root: str) -> str:
    newest = _newest(results, "memory")
    return memory_table(list(newest.values()), [to_root + folder for folder in newest])


# A table's name in the README files, and what makes it of the results and the way to the root.
TABLES: dict[str, Callable[[Results, str], str]] = {
    "memory": _kept_memory,
    "collapse_cost": _kept_benchmarks("collapse", "Part"),
    **{
        f"collapse_{group}": kept_study("simsiam_decomp", "collapse_study", group)
        for group in (
            *("methods", "simsiam_parts", "triplet_parts", "infonce_parts"),
            *("last_norm", "predictors", "phases"),
        )
    },
    "cascade_rpn_cost": _kept_benchmarks("cascade_rpn", "Part"),
    **{
        f"cascade_rpn_{study}": kept_study("cascade_rpn", study, baseline="rpn")
        for study in (
            *("detection_bccd", "detection_collage"),
            *("proposals_bccd", "proposals_collage"),
        )
    },
    "operators": _kept_benchmarks("operators", "Operator"),
    "pipelines": _kept_pipelines,
    "setup": _kept_setup,
    "training": _kept_benchmarks("training", "Part"),
}


def _newest(results: Results, slug: str) -> dict[str, Record]:
    """``{folder: record}`` with the newest record of each name, in the order of names."""
    by_name = {kept.name: (folder, kept) for folder, kept in results.records if kept.slug == slug}
    return {folder: kept for _, (folder, kept) in sorted(by_name.items())}


def _benchmark_rows(file: Path) -> list[dict[str, Any]]:
    """The rows of a benchmark, checked."""
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))["results"]
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{file}: not a JSON object with 'results' ({error!r})") from error
    for number, row in enumerate(rows):
        missing = [key for key in _BENCHMARK_KEYS if key not in row]
        if missing:
            raise RecordError(f"{file}: results[{number}] lacks {', '.join(missing)}")
        unit = "mib" if "ours_mib" in row else "s"
        sides = f"ours_{unit}", f"other_{unit}"
        if lost := [key for key in sides if key not in row]:
            raise RecordError(f"{file}: results[{number}] lacks {', '.join(lost)}")
        ratio = row[sides[1]] / row[sides[0]]
        if not math.isclose(row["ratio"], ratio, rel_tol=0.25):
            raise RecordError(
                f"{file}: results[{number}].ratio is {row['ratio']:.3g}, "
                f"but {sides[1]} / {sides[0]} is {ratio:.3g}"
            )
    return rows


def _pretraining(record: Record) -> str:
    """What the first pretraining stage saw."""
    stage = next((stage for stage in record.stages if stage["task"] == "pretrain"), None)
    if stage is None:
        return "–"
    images = stage.get("images")
    return _marked(stage["data"]) + (f", {images:,} images" if images else "")


def _comparison(record: Record, compared: dict[str, Any], where: str) -> list[str]:
    """Cells: label, data, with SSL weights, with random weights, difference."""
    stages = {stage["name"]: stage for stage in record.stages}
    values = {}
    for side in ("ssl", "random"):
        name = compared.get(side)
        if name is None and side == "random":
            continue
        if name not in stages:
            raise RecordError(f"{where}.{side} is {name!r}; the stages are {sorted(stages)}")
        metrics = stages[name]["metrics"]
        if compared["metric"] not in metrics:
            raise RecordError(
                f"{where}.metric is {compared['metric']!r}; stage {name!r} has {sorted(metrics)}"
            )
        value = metrics[compared["metric"]]
        values[side] = math.nan if value is None else value * compared["scale"]
    ssl = values["ssl"]
    data = _marked(stages[compared["ssl"]]["data"])
    if "random" not in values:
        return [compared["label"], data, f"{ssl:.1f}", "–", "–"]
    random = values["random"]
    return [compared["label"], data, f"{ssl:.1f}", f"{random:.1f}", f"{ssl - random:+.1f}"]


def _marked(data: str) -> str:
    return f"{data} (synthetic)" if _SYNTHETIC in data else data


def _link(record: Record, target: str) -> str:
    """A link to the folder of a record, named by its day."""
    uncommitted = " (uncommitted code)" if record.git["dirty"] else ""
    return f"[{record.date[:10]}]({target}){uncommitted}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"
