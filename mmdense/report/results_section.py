"""The numbers that a record was made for: comparisons, studies, scores of a run."""

import re
from collections.abc import Sequence
from html import escape

from mmdense.records.record import Record
from mmdense.records.tables import pipelines_table
from mmdense.report.section import Section
from mmdense.report.sortable_table import Cell, number_cell, sortable_table
from mmdense.report.sources import Subject, plain_text
from mmdense.report.study_rows import study_header, study_rows

__all__ = ["results_section"]

_SHARED = ("Pipeline", "Pretrained on", "On", "Time of all")  # left out where all rows agree


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
    return Section("results", "Results", "".join(parts))


def _pipelines(records: Sequence[Record]) -> str:
    """What the Markdown table of the README says, as a table that sorts."""
    lines = pipelines_table(records).splitlines()
    header, rule, *rows = [_cells(line) for line in lines if line.startswith("|")]
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
        [[_cell(row[place], number=rule[place].endswith(":")) for place in order] for row in rows],
    )
    below = [line for line in lines if line and not line.startswith("|")]
    words = [f"{said}." if said else "", *below]
    return table + "".join(f'<p class="note">{escape(line)}</p>' for line in words if line)


def _cells(line: str) -> list[str]:
    """The cells of a row of Markdown, without what only dresses them."""
    cells = re.split(r"(?<!\\)\|", line.strip()[1:-1])
    return [plain_text(cell.strip().replace("\\|", "|")) for cell in cells]


def _cell(text: str, *, number: bool) -> Cell:
    if not number:
        return Cell(text)
    try:
        return number_cell(float(text), text)
    except ValueError:
        return number_cell(None)


def _study(subject: Subject, baseline: str | None) -> str:
    """A table for each group of variants."""
    config = subject.record.config
    names = [variant["name"] for variant in config["variants"]]
    chosen = baseline if baseline in names else config.get("baseline")
    groups = list(dict.fromkeys(variant.get("group") for variant in config["variants"]))
    seeds = ", ".join(str(seed) for seed in config["seeds"])
    found = []
    for group in groups:
        name = f"{subject.name}, {group}" if group else subject.name
        title = f"{name}: mean ± standard deviation over seeds {seeds}"
        found.append(
            sortable_table(title, study_header(subject.record), study_rows(subject, group, chosen))
        )
    labels = {variant["name"]: plain_text(variant["label"]) for variant in config["variants"]}
    said = "The best of a column is bold."
    if chosen is not None:
        said += f" p: paired t-test against {labels[chosen]}, seed by seed."
    return "".join(found) + f'<p class="note">{escape(said)}</p>' + _every_score(subject)


def _every_score(subject: Subject) -> str:
    """All scores of all stages, folded."""
    rows = [
        [Cell(part.name), Cell(metric), number_cell(value)]
        for part in subject.parts
        for metric, value in part.metrics.items()
    ]
    if not rows:
        return ""
    table = sortable_table(f"Every score of {subject.name}", ["Stage", "Score", "Value"], rows)
    return f"<details><summary>Every score of {escape(subject.name)}</summary>{table}</details>"


def _runs(subjects: Sequence[Subject]) -> str:
    """Scores of runs that stand alone, side by side."""
    metrics = list(dict.fromkeys(key for subject in subjects for key in subject.record.metrics))
    rows = [
        [Cell(metric), *(number_cell(subject.record.metrics.get(metric)) for subject in subjects)]
        for metric in metrics
    ]
    header = ["Score", *("Value" if len(subjects) == 1 else s.name for s in subjects)]
    return sortable_table("Scores at the end of the run", header, rows)
