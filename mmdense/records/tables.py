"""From kept records to the tables of the README files: pure functions, records to Markdown.

Numbers in a table come from ``results/`` and nowhere else. A table of the README is a name in
:data:`TABLES`; :mod:`mmdense.records.marked_tables` puts it in its place.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mmdense.records.benchmarks_table import kept_benchmarks
from mmdense.records.kept_results import Results
from mmdense.records.markdown import markdown
from mmdense.records.record import Record, RecordError
from mmdense.records.staleness import State, legend, marks
from mmdense.records.study_table import kept_phases, kept_study
from mmdense.records.summary_table import summary_table

_CURRENT: tuple[State, ...] = ("current",)
_SYNTHETIC = "Collage"  # the generated data set; whatever is measured on it is marked


def pipelines_table(
    records: Sequence[Record],
    links: Sequence[str] | None = None,
    states: Sequence[State] = (),
) -> str:
    """One row for each comparison that the configs of pipelines name in ``compare``.

    An entry of ``compare`` has ``metric``, ``label``, ``scale`` (by which the metric is multiplied
    to be shown), and ``ssl`` and ``random``, the stages to compare (``random`` may be missing).

    Args:
        records: Of pipelines.
        links: Where each record lies, for a column of links; without them there is none.
        states: Of the code behind each record; without them no row is marked.

    Raises:
        RecordError: A comparison names a stage or a metric that the record does not have.
    """
    rows = []
    marked = marks(states or _CURRENT * len(records))
    for number, (record, mark) in enumerate(zip(records, marked, strict=True)):
        for index, compared in enumerate(record.config.get("compare", [])):
            where = f"record {record.name!r}: config.compare[{index}]"
            row = [f"`{record.name}`", _pretraining(record), *_comparison(record, compared, where)]
            row += [_duration(record.wall_time_s)]
            row += [_link(record, links[number]) + mark] if links else []
            rows.append(row)
    header = ["Pipeline", "Pretrained on", "Measured", "On"]
    header += ["SSL weights", "Random weights", "Difference", "Time of all"]
    header += ["Record"] if links else []
    table = markdown(header, rows, right=("SSL weights", "Random weights", "Difference"))
    if any(_SYNTHETIC in cell for row in rows for cell in row):
        table += f"\n\n{_SYNTHETIC} is generated: its scores are synthetic."
    return _with_legend(table, states if links else ())


def setup_table(
    records: Sequence[Record], links: Sequence[str], states: Sequence[State] = ()
) -> str:
    """One row for each measured installation: metrics ``installed_gib`` and ``setup_s``.

    Raises:
        RecordError: A record lacks one of them.
    """
    rows = []
    marked = marks(states or _CURRENT * len(records))
    for record, link, mark in zip(records, links, marked, strict=True):
        missing = {"installed_gib", "setup_s"} - set(record.metrics)
        if missing:
            raise RecordError(f"{link}: field 'metrics' lacks {', '.join(sorted(missing))}")
        machine = f"{record.hardware['cpu']}, {record.hardware['cores']} cores"
        size = f"{record.metrics['installed_gib']:.1f} GiB"
        time = _duration(record.metrics["setup_s"])
        row = [machine, str(record.versions["python"]), size, time]
        rows.append([*row, _link(record, link) + mark])
    header = ["Machine", "Python", "Installed", "Set-up", "Record"]
    return _with_legend(markdown(header, rows, right=("Installed", "Set-up")), states)


def _kept_pipelines(results: Results, to_root: str) -> str:
    newest = dict(results.newest("pipelines").values())
    links = [to_root + folder for folder in newest]
    return pipelines_table(list(newest.values()), links, _states(results, newest))


def _kept_setup(results: Results, to_root: str) -> str:
    newest = dict(results.newest("setup").values())
    links = [to_root + folder for folder in newest]
    return setup_table(list(newest.values()), links, _states(results, newest))


def memory_table(
    records: Sequence[Record], links: Sequence[str], states: Sequence[State] = ()
) -> str:
    """One row for each run whose memory was watched: ``steps``, ``early_mib``, ``late_mib``.

    Raises:
        RecordError: A record lacks one of them.
    """
    rows = []
    marked = marks(states or _CURRENT * len(records))
    for record, link, mark in zip(records, links, marked, strict=True):
        missing = {"steps", "early_mib", "late_mib"} - set(record.metrics)
        if missing:
            raise RecordError(f"{link}: field 'metrics' lacks {', '.join(sorted(missing))}")
        early, late = record.metrics["early_mib"], record.metrics["late_mib"]
        change = f"{100 * (late / early - 1):+.2f} %"
        cells = [f"{record.metrics['steps']:,.0f}", f"{early:,.0f} MiB", f"{late:,.0f} MiB", change]
        rows.append([record.name, *cells, _link(record, link) + mark])
    header = ["Run", "Steps", "Resident after warm-up", "At the end", "Change", "Record"]
    return _with_legend(markdown(header, rows, right=header[1:5]), states)


def _kept_memory(results: Results, to_root: str) -> str:
    newest = dict(results.newest("memory").values())
    links = [to_root + folder for folder in newest]
    return memory_table(list(newest.values()), links, _states(results, newest))


def _states(results: Results, folders: Iterable[str]) -> list[State]:
    return [results.state(folder) for folder in folders]


def _with_legend(table: str, states: Sequence[State]) -> str:
    return "\n\n".join(filter(None, [table, legend(states)]))


# A table's name in the README files, and what makes it of the results and the way to the root.
TABLES: dict[str, Callable[[Results, str], str]] = {
    "memory": _kept_memory,
    "collapse_cost": kept_benchmarks("collapse", "Part"),
    **{
        f"collapse_{group}": kept_study("simsiam_decomp", "collapse_study", group)
        for group in (
            *("methods", "simsiam_parts", "triplet_parts"),
            *("eta", "order", "last_norm"),
        )
    },
    "collapse_phases": kept_phases("simsiam_decomp", "collapse_study"),
    "cascade_rpn_cost": kept_benchmarks("cascade_rpn", "Part", costs=True),
    **{
        f"cascade_rpn_{study}": kept_study("cascade_rpn", study, baseline="rpn")
        for study in (
            *("detection_bccd", "detection_bccd_pretrained", "detection_collage"),
            *("proposals_bccd", "proposals_collage"),
        )
    },
    "operators": kept_benchmarks("operators", "Operator"),
    "pipelines": _kept_pipelines,
    **{
        f"transfer_{task}": kept_study("downstream", "transfer_study", task)
        for task in ("bccd", "camvid")
    },
    "setup": _kept_setup,
    "summary": summary_table,
    "training": kept_benchmarks("training", "Part"),
}


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
