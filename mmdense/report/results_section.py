"""The numbers that a record was made for: comparisons, studies, scores of a run."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from markupsafe import Markup

from mmdense.records.markdown import plain_text
from mmdense.records.record import Record
from mmdense.records.study_table import phases_table, variants_by_group
from mmdense.records.tables import pipelines_table
from mmdense.report.curve_names import curve_words
from mmdense.report.markdown_rows import read_markdown
from mmdense.report.section import Section
from mmdense.report.sortable_table import Cell, number_cell, sortable_table
from mmdense.report.sources import Subject
from mmdense.report.study_rows import study_rows

__all__ = ["results_section"]

_SHARED = ("Pipeline", "Pretrained on", "On", "Time of all")  # left out where all rows agree
_READING = "collapse/"  # begins the names of the collapse monitor's readings


def results_section(subjects: Sequence[Subject], baseline: str | None = None) -> Section:
    """Tables of all records.

    Args:
        subjects: The records.
        baseline: Variant that those of a study are compared with; by default the one that the
            config of the study names as ``baseline``, if it does.

    Raises:
        RecordError: A comparison names what a record does not have.
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
        _pipelines(pipelines) if pipelines else "",
        *(_study(study, baseline) for study in studies),
        _runs(runs) if any(run.record.metrics for run in runs) else "",
        *(_every_score(subject) for subject in subjects if subject.kind == "pipeline"),
    ]
    return Section("results", "Results", Markup("".join(parts)))


def _pipelines(records: Sequence[Record]) -> str:
    """What the Markdown table of the README says, as a table that sorts."""
    text = pipelines_table(records)
    header, numbers, rows = read_markdown(text)
    shared = [
        title
        for title, column in zip(header, zip(*rows, strict=True), strict=True)
        if title in _SHARED and len(set(column)) == 1
    ]
    kept = [place for place, title in enumerate(header) if title not in shared]
    order = sorted(kept, key=lambda place: header[place] not in ("Pipeline", "Measured"))
    said = ". ".join(f"{name}: {rows[0][header.index(name)]}" for name in shared if rows)
    table = sortable_table(
        "What was measured, from pretrained and from random weights",
        [header[place] for place in order],
        [[_cell(row[place], number=numbers[place]) for place in order] for row in rows],
    )
    below = [line for line in text.splitlines() if line and not line.startswith("|")]
    words = [f"{said}." if said else "", *below]
    return table + "".join(f'<p class="note">{escape(line)}</p>' for line in words if line)


def _cell(text: str, *, number: bool) -> Cell:
    if not number:
        return Cell(text)
    try:
        return number_cell(float(text.partition(" ")[0]), text)
    except ValueError:
        return number_cell(None)


def _study(subject: Subject, baseline: str | None) -> str:
    """A table for each group of variants, one for each of the config's ``tables``, and phases."""
    config = subject.record.config
    names = [variant["name"] for variant in config["variants"]]
    chosen = baseline if baseline in names else config.get("baseline")
    seeds = ", ".join(str(seed) for seed in config["seeds"])
    spread = f"mean ± standard deviation over seeds {seeds}"
    found = []
    for group in variants_by_group(config):
        name = f"{subject.name}, {group.replace('_', ' ')}" if group else subject.name
        found.append(sortable_table(f"{name}: {spread}", *study_rows(subject, group, chosen)))
    phases = read_markdown(phases_table(subject.record))
    if phases.rows:
        pairs = [zip(row, phases.numbers, strict=True) for row in phases.rows]
        rows = [[_cell(text, number=number) for text, number in row] for row in pairs]
        found.append(sortable_table(f"{subject.name}, phases: {spread}", phases.header, rows))
    said = f"The best of a column is bold.{_on_p(config['variants'], chosen)}"
    return "".join(found) + f'<p class="note">{escape(said)}</p>' + _every_score(subject)


def _on_p(variants: Sequence[Mapping[str, Any]], baseline: str | None) -> str:
    """What the p-values below the cells compare; empty where there are none."""
    labels = {variant["name"]: plain_text(variant["label"]) for variant in variants}
    others = {v["name"]: v.get("against", baseline) for v in variants}
    pairs = {name: other for name, other in others.items() if other not in (None, name)}
    if not pairs:
        return ""
    if set(pairs.values()) == {baseline}:
        return f" p: paired t-test against {labels[baseline]}, seed by seed."
    said = [f"{labels[name]} against {labels[other]}" for name, other in pairs.items()]
    return f" p: paired t-test, seed by seed: {'; '.join(dict.fromkeys(said))}."


def _every_score(subject: Subject) -> str:
    """All scores of all stages, folded."""
    rows = [
        [Cell(part.name), _score_cell(metric), number_cell(value)]
        for part in subject.parts
        for metric, value in part.metrics.items()
    ]
    if not rows:
        return ""
    table = sortable_table(f"Every score of {subject.name}", ["Stage", "Score", "Value"], rows)
    return f"<details><summary>Every score of {escape(subject.name)}</summary>{table}</details>"


def _runs(subjects: Sequence[Subject]) -> str:
    """Scores of runs that stand alone, side by side; readings of the monitor below them."""
    metrics = dict.fromkeys(key for subject in subjects for key in subject.record.metrics)
    rows = [
        [
            _score_cell(metric),
            *(number_cell(subject.record.metrics.get(metric)) for subject in subjects),
        ]
        for metric in sorted(metrics, key=lambda metric: metric.startswith(_READING))
    ]
    header = ["Score", *("Value" if len(subjects) == 1 else s.name for s in subjects)]
    return sortable_table("Scores at the end of the run", header, rows)


def _score_cell(metric: str) -> Cell:
    """A score in words, with the name that the record gives it below."""
    words = curve_words(metric if metric.startswith(_READING) else f"val/{metric}")
    return Cell(words, note="" if words == metric else metric)
