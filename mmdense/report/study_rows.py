"""The rows of a study: what its table in Markdown says, the best, and p-values."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mmdense.records.record import Record
from mmdense.records.statistics import p_words
from mmdense.records.study_comparisons import compare_variants
from mmdense.records.study_table import study_table, variants_by_group
from mmdense.report.markdown_rows import read_markdown
from mmdense.report.sortable_table import Cell
from mmdense.report.sources import Subject

__all__ = ["higher_is_better", "study_rows"]

_UP = re.compile(r"AP|AR|IoU|Acc|Dice|accuracy|top\d|recall|precision")
_DOWN = re.compile(r"loss|error")


def higher_is_better(metric: str) -> bool | None:
    """Which way a score is good; None where neither is, such as of a standard deviation."""
    if _DOWN.search(metric):
        return False
    return True if _UP.search(metric) else None


def study_rows(
    subject: Subject, group: str | None, baseline: str | None
) -> tuple[list[str], list[list[Cell]]]:
    """The heads of the columns, and a row for each variant of a group.

    They say what :func:`~mmdense.records.study_table.study_table` says. Below a cell stands the p
    of a paired t-test against the variant that its own is compared with.

    Args:
        subject: A study. A variant may lack any metric.
        group: Only the variants of this ``group``, or those that the config's ``tables`` lists
            under this name; None takes those without a group.
        baseline: Variant that those without an ``against`` are compared with, or None.

    Raises:
        RecordError: ``tables`` lists what is no variant.
    """
    record = _of_group(subject.record, group)
    table = read_markdown(study_table(record, group, baseline))
    metrics = {metric["label"]: metric for metric in record.config["metrics"]}
    by_name = {variant["name"]: variant for variant in record.config["variants"]}
    variants = [by_name[name] for name in variants_by_group(record.config)[group]]
    columns = [[Cell(row[0]) for row in table.rows]]
    for place, title in enumerate(table.header[1:], start=1):
        texts = [row[place] for row in table.rows]
        metric = metrics.get(title)
        if metric is None or not table.numbers[place]:
            columns.append([Cell(text) for text in texts])
            continue
        cells = [_cell(text) for text in texts]
        if not metric.get("count"):
            pairs = zip(cells, variants, strict=True)
            cells = [_compared(subject, cell, v, metric, baseline) for cell, v in pairs]
        columns.append(_with_best(cells, higher_is_better(metric["metric"])))
    return table.header, [list(row) for row in zip(*columns, strict=True)]


def _of_group(record: Record, group: str | None) -> Record:
    """The record with no variant that has another group, and no metric that all must have."""
    config = dict(record.config)
    config["metrics"] = [
        metric if "words" in metric else metric | {"optional": True} for metric in config["metrics"]
    ]
    if group is None:
        config["variants"] = [v for v in config["variants"] if v.get("group") is None]
    return replace(record, config=config)


def _cell(text: str) -> Cell:
    """A cell of numbers: it is sorted by the first one, and what stands below that is small."""
    text, _, below = text.partition("<br>")
    try:
        value = float(text.partition(" ")[0])
    except ValueError:
        value = math.nan
    return Cell(text, value, note=below)


def _compared(
    subject: Subject,
    cell: Cell,
    variant: Mapping[str, Any],
    metric: Mapping[str, Any],
    baseline: str | None,
) -> Cell:
    """The cell with a p below it, where there is one and the table does not say it already."""
    if cell.note or cell.value is None or math.isnan(cell.value):
        return cell
    other = variant.get("against", baseline)
    return cell._replace(note=_p(subject, variant["name"], other, metric["metric"]))


def _with_best(cells: list[Cell], upwards: bool | None) -> list[Cell]:
    """The cells of a metric, those that read as the best of them marked."""
    known = [c.value for c in cells if c.value is not None and math.isfinite(c.value)]
    if upwards is None or len(known) < 2:
        return cells
    best = max(known) if upwards else min(known)
    return [cell._replace(best=cell.value == best) for cell in cells]


def _p(subject: Subject, variant: str, baseline: str | None, metric: str) -> str:
    """What a paired t-test against the baseline says; empty where there is none."""
    if baseline is None or variant == baseline:
        return ""
    p = compare_variants(subject.record, variant, baseline, metric).p
    return "" if math.isnan(p) else p_words(p)
