"""Section with the scores of dense evaluations, side by side where they can be compared."""

from collections import defaultdict
from collections.abc import Sequence

from mmdense.report.section import Section, render
from mmdense.report.subjects import Subject
from mmdense.report.table import Column, Table, Text, Value

PREFIX = "dense/"  # of the metrics in a record: dense/<protocol>/<metric>


def dense_section(subjects: Sequence[Subject]) -> Section:
    """Return a table of all dense protocols for each set of test images.

    Scores are in one row only if their test images and identifiers are the same.
    """
    together: dict[str, list[Subject]] = defaultdict(list)
    for subject in subjects:
        if subject.kind == "run" and subject.record.protocols:
            together[subject.record.data.get("test", "")].append(subject)
    tables = [_table(group, alone=len(together) == 1) for group in together.values()]
    parts = [{"tables": [table], "note": "", "folded": None} for table in tables]
    html = render("results.html", parts=parts) if parts else ""
    return Section("dense", "Dense evaluation of frozen features", html)


def _table(subjects: Sequence[Subject], *, alone: bool) -> Table:
    """Return a row for each identifier and metric, with a column for each record."""
    rows: dict[tuple[str, str], dict[str, Value]] = {}
    for subject in subjects:
        for name, identifier in subject.record.protocols.items():
            start = f"{PREFIX}{name}/"
            for key, value in subject.record.metrics.items():
                if not key.startswith(start):
                    continue
                metric = key.removeprefix(start)
                row = rows.setdefault((identifier, metric), {"protocol": name, "metric": metric})
                row[f"value/{subject.name}"] = value
                row["settings"] = Text(identifier, code=True)
    values = [
        Column(f"value/{subject.name}", "Value" if len(subjects) == 1 else subject.name,
               format=".2f", numeric=True)
        for subject in subjects
    ]  # fmt: skip
    columns = [Column("protocol", "Protocol"), Column("metric", "Metric"), *values]
    names = ", ".join(subject.name for subject in subjects)
    title = "Scores in percent" if alone else f"Scores in percent of {names}"
    notes = ["docs/dense_evaluation.md explains the protocols."]
    if len(subjects) > 1:
        notes.append("Compare scores only within a row: test images and settings are the same.")
    return Table(title, [*columns, Column("settings", "Settings")], list(rows.values()), notes)
