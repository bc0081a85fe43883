"""Tables of the README files and of ``docs/``, from kept records.

All numbers come from ``results/``. :func:`all_tables` returns every table by its name in the
Markdown files: the tables of this file, and those that projects declare
(:mod:`mmdense.report.project_tables`).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmdense.records.kept_results import Results
from mmdense.records.record import Record, RecordError
from mmdense.report.project_tables import Headline, MakeTable, project_tables
from mmdense.report.study_table import score_of, study_table, variants_of
from mmdense.report.table import Column, P, Quantity, Table, Text, Value

_SYNTHETIC = "Collage"  # the generated data set; whatever is measured on it is marked
#: What a benchmark measures a part of; the others are another way to the same result.
_WHOLES = ("training step",)


def all_tables() -> dict[str, MakeTable]:
    """Return every table by its name in the Markdown files."""
    projects = project_tables()
    return {
        "memory": lambda results: memory_table(results.newest("memory").values()),
        "operators": kept_benchmarks("operators", "Operator"),
        "pipelines": lambda results: pipelines_table(results.newest("pipelines").values()),
        **{
            f"transfer_{task}": kept_study("downstream", "transfer_study", task)
            for task in ("bccd", "camvid")
        },
        "setup": lambda results: setup_table(results.newest("setup").values()),
        "summary": lambda results: summary_table(results, projects.headlines),
        "training": kept_benchmarks("training", "Part"),
        **projects.tables,
    }


def pipelines_table(kept: Iterable[tuple[str, Record]]) -> Table:
    """Return a table with one row for each entry of ``compare`` in the configs of pipelines.

    An entry of ``compare`` has ``metric``, ``label``, ``scale`` (a factor for the values shown),
    and ``ssl`` and ``random``, the stages to compare (``random`` is optional).

    Args:
        kept: Folder, relative to the root of the repository, and record of each pipeline; without
            folders (empty strings) there is no column of links.

    Raises:
        RecordError: A comparison names a stage or a metric that the record does not have.
    """
    kept = list(kept)
    rows: list[dict[str, Value]] = []
    for folder, record in kept:
        for index, compared in enumerate(record.config.get("compare", [])):
            where = f"record {record.name!r}: config.compare[{index}]"
            rows.append(
                {
                    "pipeline": Text(record.name, code=True),
                    "pretrained_on": _pretraining(record),
                    **_comparison(record, compared, where),
                    "time": record.wall_time_s,
                    **({"record": record_link(record, folder)} if folder else {}),
                }
            )
    generated = any(_SYNTHETIC in str(value) for row in rows for value in row.values())
    columns = [
        Column("pipeline", "Pipeline"),
        Column("pretrained_on", "Pretrained on"),
        Column("measured", "Measured"),
        Column("on", "On"),
        Column("ssl", "SSL weights", format=".1f", numeric=True),
        Column("random", "Random weights", format=".1f", numeric=True),
        Column("difference", "Difference", format="+.1f", numeric=True),
        Column("time", "Time of all", format=duration),
        *([Column("record", "Record")] if any(folder for folder, _ in kept) else []),
    ]
    note = f"{_SYNTHETIC} is generated: its scores are synthetic."
    title = "Scores from pretrained and from random weights"
    return Table(title, columns, rows, [note] if generated else [])


def setup_table(kept: Iterable[tuple[str, Record]]) -> Table:
    """Return a table with one row for each installation.

    Raises:
        RecordError: A record lacks one of the metrics.
    """
    columns = [
        Column("machine", "Machine"),
        Column("python", "Python"),
        Column("installed_gib", "Installed", "GiB", ".1f", numeric=True),
        Column("setup_s", "Set-up", format=duration, numeric=True),
    ]

    def more(record: Record) -> dict[str, Value]:
        machine = "{cpu}, {cores} cores".format(**record.hardware)
        return {"machine": machine, "python": record.versions["python"]}

    return _row_each("Installation", kept, columns, more)


def memory_table(kept: Iterable[tuple[str, Record]]) -> Table:
    """Return a table of the memory of long runs.

    Raises:
        RecordError: A record lacks one of the metrics.
    """
    columns = [
        Column("run", "Run"),
        Column("steps", "Steps", format=",.0f", numeric=True),
        Column("early_mib", "Resident after warm-up", "MiB", ",.0f", numeric=True),
        Column("late_mib", "At the end", "MiB", ",.0f", numeric=True),
        Column("change", "Change", "%", "+.2f", numeric=True),
    ]

    def more(record: Record) -> dict[str, Value]:
        early, late = (record.metrics.get(f"{when}_mib", math.nan) for when in ("early", "late"))
        return {"run": record.name, "change": 100 * (late / early - 1)}

    return _row_each("Memory of long runs", kept, columns, more)


def _row_each(
    title: str,
    kept: Iterable[tuple[str, Record]],
    columns: Sequence[Column],
    more: Callable[[Record], dict[str, Value]],
) -> Table:
    """Return a table with one row for each record: its metrics, ``more`` values, and its link."""
    rows: list[dict[str, Value]] = []
    for folder, record in kept:
        row = more(record)
        needed = [column.key for column in columns if column.key not in row]
        if missing := sorted(set(needed) - set(record.metrics)):
            raise RecordError(f"{folder}: field 'metrics' lacks {', '.join(missing)}")
        row |= {key: record.metrics[key] for key in needed}
        rows.append(row | {"record": record_link(record, folder)})
    return Table(title, [*columns, Column("record", "Record")], rows)


def kept_study(
    slug: str,
    name: str,
    group: str | None = None,
    baseline: str | None = None,
    strong: Sequence[str] = (),
) -> MakeTable:
    """Return a function that makes the table of the newest kept study of a name.

    Args:
        slug: Slug of the study.
        name: Name of the study.
        group: Only these variants, see :func:`~mmdense.report.study_table.variants_by_group`.
        baseline: Variant that the others are compared with.
        strong: Names of variants whose labels are bold.
    """

    def make(results: Results) -> Table:
        if name not in (newest := results.newest(slug)):
            return Table("", [], [])
        folder, record = newest[name]
        words = project_tables().verdict_words
        try:
            variants = variants_of(record, group) if "variants" in record.config else None
            table = study_table(record, variants, baseline, strong=strong, words=words)
        except RecordError as error:
            raise RecordError(f"{folder}: {error}") from error
        return study_notes(table, folder, record, baseline)

    return make


def study_notes(table: Table, folder: str, record: Record, baseline: str | None = None) -> Table:
    """Return the table of a kept study with an explanation and a link to its record."""
    note = f"Mean ± standard deviation over seeds {', '.join(map(str, record.config['seeds']))}"
    if baseline is not None:
        labels = {variant["name"]: variant["label"] for variant in record.config["variants"]}
        note += f"; bold differs from {labels[baseline]} with p < {P:g} (paired t-test)"
    elif any("against" in variant for variant in record.config["variants"]):
        note += (
            "; below it the difference from its baseline, with the 95 % interval and p of a "
            f"paired t-test over the seeds of both; bold: p < {P:g}"
        )
    return Table(
        table.title, table.columns, table.rows, [*table.notes, f"{note}."], [_folder_link(folder)]
    )


def summary_table(results: Results, headlines: Sequence[Headline]) -> Table:
    """Return a table with one row for each headline: the scores with and without the method.

    Raises:
        RecordError: The newest study of that name has no such variant or metric.
    """
    rows: list[dict[str, Value]] = []
    seeds, machines = set(), set()
    for headline in headlines:
        newest = results.newest(headline.slug)
        if headline.study not in newest:
            continue
        folder, record = newest[headline.study]
        seeds.add(len(record.config["seeds"]))
        machines.add(_machine(record))
        metric = _metric(record, headline, folder)
        sides = headline.baseline, headline.variant
        try:
            without, value = (score_of(record, {"name": name}, metric) for name in sides)
        except RecordError as error:
            raise RecordError(f"{folder}: {error}") from error
        assert without is not None and value is not None
        rows.append(
            {
                "method": headline.method,
                "on": headline.data,
                "measured": metric["label"],
                "without": without,
                "with": value,
                "difference": value.mean - without.mean,
                "record": _folder_link(folder),
            }
        )
    columns = [
        Column("method", "Method"),
        Column("on", "On"),
        Column("measured", "Measured"),
        Column("without", "Without", format=".1f", numeric=True),
        Column("with", "With", format=".1f", numeric=True),
        Column("difference", "Difference", format="+.1f", numeric=True),
        Column("record", "Record"),
    ]
    number = " or ".join(str(count) for count in sorted(seeds))
    note = f"Mean ± standard deviation over {number} seeds, on {' or '.join(sorted(machines))}."
    return Table("What each method changes", columns, rows, [note])


def kept_benchmarks(kind: str, what: str, *, costs: bool = False) -> MakeTable:
    """Return a function that makes the table of the benchmarks in ``<date>_<kind>``.

    A benchmark has ``name``, ``setting``, ``ours_s``, ``other`` (name of the comparison),
    ``other_s`` and ``ratio`` (time of the other / ours); for memory, ``ours_mib`` and
    ``other_mib``. The ratio of a part, such as a monitor in a training step, is shown as a
    percentage. Of benchmarks with the same name, setting and comparison, the newest is shown.

    Args:
        kind: End of the names of the folders.
        what: Label of the first column.
        costs: Whether ours does more than the other; the table then shows ours / other.
    """

    def make(results: Results) -> Table:
        newest = {
            (row["name"], row["setting"], row["other"]): (folder, row)
            for folder, rows in results.benchmarks
            if folder.endswith(f"_{kind}")
            for row in rows
        }
        folders = {folder for folder, _ in newest.values()}
        memory = any("ours_mib" in row for _, row in newest.values())
        ratio = "Times faster or smaller" if memory else "Times faster"
        columns = [
            Column("name", what),
            Column("setting", "Setting"),
            Column("other", "Compared with"),
            Column("ours_amount", "Ours", numeric=True),
            Column("other_amount", "Other", numeric=True),
            Column("ratio", "Ours / other" if costs else ratio, format=_digits(3), numeric=True),
            *([Column("record", "Record")] if len(folders) > 1 else []),
        ]
        rows: list[dict[str, Value]] = [
            {
                **{key: row[key] for key in ("name", "setting", "other")},
                **{f"{side}_amount": _amount(row, side) for side in ("ours", "other")},
                "ratio": _ratio(row, costs=costs),
                **({"record": _folder_link(folder)} if len(folders) > 1 else {}),
            }
            for folder, row in newest.values()
        ]
        links = [_folder_link(folder) for folder in folders] if len(folders) == 1 else []
        return Table("", columns, rows, (), links)

    return make


def record_link(record: Record, folder: str) -> Text:
    """Return a link to the folder of a record, labelled with its date."""
    note = "(uncommitted code)" if record.git["dirty"] else ""
    return Text(record.date[:10], href=folder, note=note)


def duration(seconds: float) -> str:
    """Return a duration such as ``45 s``, ``12 min``, ``1.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def _folder_link(folder: str) -> Text:
    return Text(Path(folder).name, href=folder)


def _pretraining(record: Record) -> str | None:
    """Return data set and number of images of the first pretraining stage."""
    stage = next((stage for stage in record.stages if stage["task"] == "pretrain"), None)
    if stage is None:
        return None
    images = stage.get("images")
    return _marked(stage["data"]) + (f", {images:,} images" if images else "")


def _comparison(record: Record, compared: dict[str, Any], where: str) -> dict[str, Value]:
    """Return label, data, scores with SSL weights and random weights, and their difference."""
    stages = {stage["name"]: stage for stage in record.stages}
    values: dict[str, float] = {}
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
    if "random" in values:
        values["difference"] = values["ssl"] - values["random"]
    data = _marked(stages[compared["ssl"]]["data"])
    return {"measured": compared["label"], "on": data, **values}


def _marked(data: str) -> str:
    return f"{data} (synthetic)" if _SYNTHETIC in data else data


def _machine(record: Record) -> str:
    """Return the GPUs or the number of CPU cores of a study."""
    gpus, cores = record.hardware["gpus"], record.hardware["cores"]
    return ", ".join(gpus) if gpus else ("one CPU core" if cores == 1 else f"{cores} CPU cores")


def _metric(record: Record, headline: Headline, where: str) -> dict[str, Any]:
    for metric in record.config["metrics"]:
        if metric["metric"] == headline.metric:
            return metric
    raise RecordError(f"{where}: the study has no metric {headline.metric!r}")


def _ratio(row: Mapping[str, Any], *, costs: bool) -> Value:
    """Return the ratio; for a part of the other, its percentage."""
    if row["other"] in _WHOLES:
        return Quantity(100 / row["ratio"], "% of it", _digits(2))
    return 1 / row["ratio"] if costs else row["ratio"]


def _amount(row: Mapping[str, Any], side: str) -> Quantity:
    if f"{side}_mib" in row:
        return Quantity(row[f"{side}_mib"], "MiB", ",.0f")
    seconds = row[f"{side}_s"]
    return Quantity(seconds, "s", ".2f") if seconds >= 1 else Quantity(seconds * 1000, "ms", ".3g")


def _digits(digits: int) -> Callable[[float], str]:
    """Format numbers with so many significant digits, without an exponent."""

    def form(value: float) -> str:
        place = int(f"{value:.{digits - 1}e}".partition("e")[2])  # of the first digit, as rounded
        return f"{float(f'{value:.{digits}g}'):,.{max(0, digits - 1 - place)}f}"

    return form
