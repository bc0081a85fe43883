"""The table of a study: a row for each variant, mean and spread over its seeds.

Against a baseline, what differs by more than chance would make it is bold.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmdense.records.markdown import NOTHING, markdown
from mmdense.records.record import Record
from mmdense.records.statistics import paired_p

__all__ = ["kept_study", "study_table"]

_P = 0.05
_SHOWN = 3  # changed files that are named


def study_table(record: Record, group: str | None = None, baseline: str | None = None) -> str:
    """One row for each variant: mean over the seeds and, of several, the standard deviation.

    Args:
        record: Of a study. A metric of its config has ``metric``, ``label``, ``scale`` (by which it
            is multiplied to be shown) and may have ``digits`` (behind the point, 1 by default),
            ``count`` (it is 1 or 0: say of how many seeds it is 1) or ``optional`` (a variant may
            lack it).
        group: Only the variants of this ``group``.
        baseline: Variant that the others are compared with, seed by seed: scores that differ with
            p < 0.05 in a paired t-test are bold. A variant whose config says ``against`` is
            compared with that one.
    """
    seeds = len(record.config["seeds"])
    variants = [
        variant for variant in record.config["variants"] if group in (None, variant.get("group"))
    ]
    metrics = [metric for metric in record.config["metrics"] if _is_told(record, variants, metric)]
    rows = []
    for variant in variants:
        other = variant.get("against", baseline)
        cells = []
        for metric in metrics:
            cell = _cell(record, variant, metric, seeds)
            bold = other is not None and _differs(record, variant["name"], other, metric)
            cells.append(f"**{cell}**" if bold else cell)
        rows.append([variant["label"], *cells])
    labels = [metric["label"] for metric in metrics]
    return markdown(["Variant", *labels], rows, right=labels)


def _is_told(record: Record, variants: list[dict[str, Any]], metric: dict[str, Any]) -> bool:
    """Whether a metric has a column: one that variants may lack only if one of them has it."""
    keys = (f"{variant['name']}/{metric['metric']}/mean" for variant in variants)
    return not metric.get("optional") or any(key in record.metrics for key in keys)


def _differs(record: Record, variant: str, baseline: str, metric: dict[str, Any]) -> bool:
    runs, others = (_runs(record, name, metric["metric"]) for name in (variant, baseline))
    return len(runs) == len(others) > 1 and paired_p(runs, others) < _P


def _runs(record: Record, variant: str, metric: str) -> list[float]:
    """The score of each seed, in the order of the seeds."""
    by_name = {stage["name"]: stage["metrics"] for stage in record.stages}
    runs = [by_name.get(f"{variant}/seed{seed}", {}) for seed in record.config["seeds"]]
    return [run[metric] for run in runs if run.get(metric) is not None]


def _cell(record: Record, variant: dict[str, Any], metric: dict[str, Any], seeds: int) -> str:
    key = f"{variant['name']}/{metric['metric']}"
    if metric.get("optional") and f"{key}/mean" not in record.metrics:
        return "–"
    mean, spread = record.metrics[f"{key}/mean"], record.metrics.get(f"{key}/sd")
    if metric.get("count"):
        return f"{round(mean * seeds)} of {seeds}"
    digits, scale = metric.get("digits", 1), metric["scale"]
    cell = f"{mean * scale:.{digits}f}"
    return cell if spread is None else f"{cell} ± {spread * scale:.{digits}f}"


def kept_study(
    slug: str, name: str, group: str | None = None, baseline: str | None = None
) -> Callable[[Any, str], str]:
    """Make the table of the newest kept study of a name, with its seeds and its record."""

    def table(results: Any, to_root: str) -> str:
        newest = {
            kept.name: (folder, kept) for folder, kept in results.records if kept.slug == slug
        }
        if name not in newest:
            return NOTHING
        folder, record = newest[name]
        seeds = ", ".join(str(seed) for seed in record.config["seeds"])
        link = f"[{Path(folder).name}]({to_root + folder})"
        labels = {variant["name"]: variant["label"] for variant in record.config["variants"]}
        against = ""
        if baseline is not None:
            against = f"; bold differs from {labels[baseline]} with p < {_P:g} (paired t-test)"
        elif any("against" in variant for variant in record.config["variants"]):
            against = f"; bold differs from its baseline with p < {_P:g} (paired t-test)"
        table = study_table(record, group, baseline)
        stale = _stale(results.changed.get(folder, []))
        return f"{table}\n\nMean ± standard deviation over seeds {seeds}{against}: {link}.{stale}"

    return table


def _stale(changed: Sequence[str]) -> str:
    """What to say of a record whose code has changed since."""
    if not changed:
        return ""
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    return f" Stale: its code has changed since, {', '.join(changed[:_SHOWN])}{more}."
