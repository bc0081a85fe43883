"""The rows of a study: mean and spread over seeds, the best, and p-values."""

import math
import re
from collections.abc import Sequence
from typing import Any

from mmdense.records.record import Record
from mmdense.records.statistics import p_words
from mmdense.records.study_comparisons import compare_variants
from mmdense.report.sortable_table import Cell, number_cell
from mmdense.report.sources import Subject, plain_text

__all__ = ["higher_is_better", "study_header", "study_rows"]

_UP = re.compile(r"AP|AR|IoU|Acc|Dice|accuracy|top\d|recall|precision")
_DOWN = re.compile(r"loss|error")


def higher_is_better(metric: str) -> bool | None:
    """Which way a score is good; None where neither is, such as of a standard deviation."""
    if _DOWN.search(metric):
        return False
    return True if _UP.search(metric) else None


def study_header(record: Record) -> list[str]:
    """The heads of the columns."""
    return ["Variant", *(metric["label"] for metric in record.config["metrics"])]


def study_rows(subject: Subject, group: str | None, baseline: str | None) -> list[list[Cell]]:
    """A row for each variant of a group, a cell for each metric of the study.

    Args:
        subject: A study.
        group: Only the variants of this ``group``; None takes those without one.
        baseline: Variant that the others are compared with, or None.
    """
    record = subject.record
    variants = [v for v in record.config["variants"] if v.get("group") == group]
    columns = [_column(subject, variants, metric, baseline) for metric in record.config["metrics"]]
    return [
        [Cell(plain_text(variant["label"])), *(column[place] for column in columns)]
        for place, variant in enumerate(variants)
    ]


def _column(
    subject: Subject,
    variants: Sequence[dict[str, Any]],
    metric: dict[str, Any],
    baseline: str | None,
) -> list[Cell]:
    """The cells of one metric, those that read as the best of them marked."""
    cells = [_cell(subject, variant["name"], metric, baseline) for variant in variants]
    upwards = higher_is_better(metric["metric"])
    known = [c.value for c in cells if c.value is not None and math.isfinite(c.value)]
    if upwards is None or len(known) < 2:
        return cells
    best = max(known) if upwards else min(known)
    shown = {_mean_of(cell) for cell in cells if cell.value == best}
    return [cell._replace(best=_mean_of(cell) in shown) for cell in cells]


def _cell(subject: Subject, variant: str, metric: dict[str, Any], baseline: str | None) -> Cell:
    means = subject.record.metrics
    key = f"{variant}/{metric['metric']}"
    mean, spread = means.get(f"{key}/mean"), means.get(f"{key}/sd")
    if mean is None or not math.isfinite(mean):
        return number_cell(mean)
    scale, digits = metric["scale"], metric.get("digits", 1)
    if metric.get("count"):
        seeds = len(subject.record.config["seeds"])
        return Cell(f"{round(mean * seeds)} of {seeds}", mean)
    text = f"{mean * scale:.{digits}f}"
    if spread is not None and math.isfinite(spread):
        text += f" ± {spread * scale:.{digits}f}"
    return Cell(text, mean * scale, note=_p(subject, variant, baseline, metric["metric"]))


def _p(subject: Subject, variant: str, baseline: str | None, metric: str) -> str:
    """What a paired t-test against the baseline says; empty where there is none."""
    if baseline is None or variant == baseline:
        return ""
    p = compare_variants(subject.record, variant, baseline, metric).p
    return "" if math.isnan(p) else p_words(p)


def _mean_of(cell: Cell) -> str:
    """As it is shown, so that two equal ones are both the best."""
    return cell.text.split(" ± ")[0]
