"""The table of a study: a row for each variant, mean and spread over its seeds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmdense.records.markdown import NOTHING, markdown
from mmdense.records.record import Record

__all__ = ["kept_study", "study_table"]


def study_table(record: Record, group: str | None = None) -> str:
    """One row for each variant: mean over the seeds and, of several, the standard deviation.

    Args:
        record: Of a study. A metric of its config has ``metric``, ``label``, ``scale`` (by which it
            is multiplied to be shown) and may have ``digits`` (behind the point, 1 by default),
            ``count`` (it is 1 or 0: say of how many seeds it is 1) or ``optional`` (a variant may
            lack it).
        group: Only the variants of this ``group``.
    """
    seeds = len(record.config["seeds"])
    variants = [v for v in record.config["variants"] if group in (None, v.get("group"))]
    rows = [
        [variant["label"], *(_cell(record, variant, metric, seeds) for metric in _metrics(record))]
        for variant in variants
    ]
    labels = [metric["label"] for metric in _metrics(record)]
    return markdown(["Variant", *labels], rows, right=labels)


def _metrics(record: Record) -> list[dict[str, Any]]:
    return record.config["metrics"]


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


def kept_study(slug: str, name: str, group: str | None = None) -> Callable[[Any, str], str]:
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
        return (
            f"{study_table(record, group)}\n\nMean ± standard deviation over seeds {seeds}: {link}."
        )

    return table
