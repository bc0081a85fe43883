"""Each variant of a study beside the one that it is compared with, seed by seed."""

from typing import Any

from mmdense.records.record import Record
from mmdense.records.seed_scores import seed_scores
from mmdense.records.statistics import Paired, paired

__all__ = ["baseline_of", "compare_variants", "study_comparisons"]


def study_comparisons(record: Record) -> list[dict[str, Any]]:
    """Every score of every variant that has a baseline, for ``comparisons`` of the record.

    Args:
        record: Of a study, with its stages.

    Returns:
        For each ``variant``, ``against`` (its baseline) and ``metric`` that share a seed:
        ``difference``, variant less baseline, as the evaluator scales it; ``pairs``, the seeds that
        both have; and of two pairs or more ``low`` and ``high``, the 95 % confidence interval, and
        ``p`` of a paired t-test.
    """
    found = []
    for variant in record.config["variants"]:
        name, other = variant["name"], baseline_of(record, variant)
        if other is None:
            continue
        stages = [stage for stage in record.stages if stage["name"].startswith(f"{name}/seed")]
        for metric in dict.fromkeys(key for stage in stages for key in stage["metrics"]):
            compared = compare_variants(record, name, other, metric)
            if compared.pairs:
                numbers = compared._asdict()
                if compared.pairs == 1:
                    numbers = {key: numbers[key] for key in ("difference", "pairs")}
                found.append({"variant": name, "against": other, "metric": metric, **numbers})
    return found


def compare_variants(record: Record, variant: str, other: str, metric: str) -> Paired:
    """One variant less another, over the seeds that both have."""
    return paired(*(seed_scores(record, name, metric) for name in (variant, other)))


def baseline_of(record: Record, variant: dict[str, Any]) -> str | None:
    """What a variant is compared with: its ``against``, or the ``baseline`` of its study."""
    other = variant.get("against", record.config.get("baseline"))
    return None if other == variant["name"] else other
