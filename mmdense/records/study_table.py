"""The table of a study: a row for each variant, mean and spread over its seeds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmdense.records.markdown import NOTHING, markdown
from mmdense.records.record import Record

__all__ = ["kept_study", "study_table"]


def study_table(record: Record) -> str:
    """One row for each variant: mean over the seeds and, of several, the standard deviation."""
    rows = []
    for variant in record.config["variants"]:
        cells = [variant["label"]]
        for metric in record.config["metrics"]:
            key = f"{variant['name']}/{metric['metric']}"
            mean, scale = record.metrics[f"{key}/mean"], metric["scale"]
            spread = record.metrics.get(f"{key}/sd")
            cell = f"{mean * scale:.1f}"
            cells.append(cell if spread is None else f"{cell} ± {spread * scale:.1f}")
        rows.append(cells)
    labels = [metric["label"] for metric in record.config["metrics"]]
    return markdown(["Variant", *labels], rows, right=labels)


def kept_study(slug: str, name: str) -> Callable[[Any, str], str]:
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
        return f"{study_table(record)}\n\nMean ± standard deviation over seeds {seeds}: {link}."

    return table
