"""The scores behind the means of a study, and how two of its variants differ."""

import math

from mmdense.records.record import Record
from mmdense.records.statistics import Paired, paired

__all__ = ["compare_variants", "seed_scores"]


def seed_scores(record: Record, variant: str, metric: str) -> dict[int, float]:
    """The score of each seed of a variant, in the order of the seeds.

    Args:
        record: Of a study, whose stages are named ``<variant>/seed<seed>``.
        variant: Its name.
        metric: As the evaluator names it.

    Returns:
        ``{seed: score}``; a seed that has no such score, or none that is finite, is left out.
    """
    stages = {stage["name"]: stage["metrics"] for stage in record.stages}
    scores = {
        seed: stages.get(f"{variant}/seed{seed}", {}).get(metric)
        for seed in record.config.get("seeds", [])
    }
    return {seed: v for seed, v in scores.items() if v is not None and math.isfinite(v)}


def compare_variants(record: Record, variant: str, other: str, metric: str) -> Paired:
    """One variant less another, over the seeds that both have."""
    return paired(*(seed_scores(record, name, metric) for name in (variant, other)))
