"""Section with the results: comparisons of pipelines, studies, scores of runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from mmdense.records.record import Record
from mmdense.report.curve_names import curve_words
from mmdense.report.dense_section import PREFIX
from mmdense.report.project_tables import project_tables
from mmdense.report.section import Section, render
from mmdense.report.study_table import study_table, variants_by_group, variants_of
from mmdense.report.subjects import Subject
from mmdense.report.table import Column, Table, Text, Value
from mmdense.report.tables import pipelines_table

_SHARED = ("pipeline", "pretrained_on", "on", "time")  # left out where all rows agree
_SCORE = Column("score", "Score")
_READING = "collapse/"  # begins the names of the collapse monitor's readings


class _Part(NamedTuple):
    """Tables, a note below them, and a folded table."""

    tables: Sequence[Table]
    note: str = ""
    folded: Table | None = None


def results_section(subjects: Sequence[Subject], baseline: str | None = None) -> Section:
    """Return the tables of all records.

    Args:
        subjects: Records.
        baseline: Variant that the variants of a study are compared with; by default ``baseline``
            in the config of the study.

    Raises:
        RecordError: A comparison names a stage or a metric that a record does not have.
        ValueError: No study has the baseline.
    """
    studies = [subject for subject in subjects if subject.kind == "study"]
    known = [variant["name"] for study in studies for variant in study.record.config["variants"]]
    if baseline is not None and baseline not in known:
        has = f"there are {', '.join(known)}" if known else "there is no study"
        raise ValueError(f"no variant {baseline!r} to compare with: {has}")
    pipelines = [subject.record for subject in subjects if subject.kind == "pipeline"]
    runs = [subject for subject in subjects if subject.kind == "run"]
    parts = [
        *([_Part([_pipelines(pipelines)])] if pipelines else []),
        *(_study(study, baseline) for study in studies),
        *([_Part([_runs(runs)])] if any(_scores(run) for run in runs) else []),
        *(_Part([], "", _every_score(s)) for s in subjects if s.kind == "pipeline"),
    ]
    return Section("results", "Results", render("results.html", parts=parts) if parts else "")


def _pipelines(records: Sequence[Record]) -> Table:
    """Return the table of pipelines; values that all rows share are in a note."""
    table = pipelines_table([("", record) for record in records])
    shared, rest = table.split_shared(_SHARED)
    order = sorted(rest.columns, key=lambda column: column.key not in ("pipeline", "measured"))
    common = ". ".join(f"{label}: {text}" for label, text in shared.items())
    return replace(rest, columns=order, notes=[*([f"{common}."] if common else []), *rest.notes])


def _study(subject: Subject, baseline: str | None) -> _Part:
    """Return the tables of the groups of variants, of ``tables`` in the config, and of projects."""
    record, config = subject.record, subject.record.config
    names = [variant["name"] for variant in config["variants"]]
    chosen = baseline if baseline in names else config.get("baseline")
    seeds = ", ".join(str(seed) for seed in config["seeds"])
    spread = f"mean ± standard deviation over seeds {seeds}"
    projects = project_tables()
    tables: list[Table] = []
    for group in variants_by_group(config):
        name = f"{subject.name}, {group.replace('_', ' ')}" if group else subject.name
        variants = variants_by_group(config)[group] if group is None else variants_of(record, group)
        table = study_table(
            record, variants, chosen, title=f"{name}: {spread}", words=projects.verdict_words,
            lenient=True,
        )  # fmt: skip
        tables.append(table)
    for make in projects.study_tables:
        for table in make(record):
            title = f"{subject.name}, {table.title.lower()}: {spread}"
            tables.append(replace(table, title=title))
    note = f"Bold marks the best value of a column.{_on_p(config['variants'], chosen)}"
    return _Part(tables, note, _every_score(subject))


def _on_p(variants: Sequence[Mapping[str, Any]], baseline: str | None) -> str:
    """Return a note on what the p-values compare; empty if there are none."""
    labels = {variant["name"]: variant["label"] for variant in variants}
    others = {v["name"]: v.get("against", baseline) for v in variants}
    pairs = {name: other for name, other in others.items() if other not in (None, name)}
    if not pairs:
        return ""
    if set(pairs.values()) == {baseline}:
        return f" p: paired t-test over the seeds against {labels[baseline]}."
    compared = [f"{labels[name]} against {labels[other]}" for name, other in pairs.items()]
    return f" p: paired t-test over the seeds: {'; '.join(dict.fromkeys(compared))}."


def _every_score(subject: Subject) -> Table | None:
    """Return a table of all scores of all stages; None if there are none."""
    rows: list[dict[str, Value]] = [
        {"stage": part.name, "score": _score_name(metric), "value": value}
        for part in subject.parts
        for metric, value in part.metrics.items()
    ]
    if not rows:
        return None
    columns = [Column("stage", "Stage"), _SCORE, Column("value", "Value", numeric=True)]
    return Table(f"All scores of {subject.name}", columns, rows)


def _runs(subjects: Sequence[Subject]) -> Table:
    """Return a table of the scores of single runs; readings of the collapse monitor are last."""
    metrics = dict.fromkeys(key for subject in subjects for key in _scores(subject))
    rows: list[dict[str, Value]] = [
        {"score": _score_name(metric)}
        | {subject.name: subject.record.metrics.get(metric) for subject in subjects}
        for metric in sorted(metrics, key=lambda metric: metric.startswith(_READING))
    ]
    columns = [
        Column(subject.name, "Value" if len(subjects) == 1 else subject.name, numeric=True)
        for subject in subjects
    ]
    return Table("Scores at the end of the run", [_SCORE, *columns], rows)


def _scores(subject: Subject) -> list[str]:
    """Return the scores of a run, without those that the section on dense evaluation shows."""
    dense = tuple(f"{PREFIX}{name}/" for name in subject.record.protocols)
    return [key for key in subject.record.metrics if not key.startswith(dense)]


def _score_name(metric: str) -> Text:
    """Return the title of a score, with its key in the record below."""
    words = curve_words(metric if metric.startswith(_READING) else f"val/{metric}")
    return Text(words, note="" if words == metric else metric)
