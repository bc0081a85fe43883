"""Statistics over a few seeds: mean, standard deviation, confidence interval, paired t-test.

Intervals and tests use Student's t distribution; the degrees of freedom are the number of runs
minus one. With three seeds, an interval is 4.3 standard errors wide to each side, and only large
differences are significant.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from mmdense.records.record import Record


class Summary(NamedTuple):
    """Summary of the scores of several runs.

    Attributes:
        mean: Mean over the runs.
        sd: Sample standard deviation; NaN for one run.
        low: Lower end of the confidence interval of the mean; NaN for one run.
        high: Upper end.
    """

    mean: float
    sd: float
    low: float
    high: float


class Paired(NamedTuple):
    """Difference of two variants over their common seeds.

    Attributes:
        difference: Mean difference over the pairs; NaN without pairs.
        low: Lower end of the confidence interval of the difference; NaN for one pair.
        high: Upper end.
        p: Two-sided p-value of the paired t-test; NaN for one pair.
        pairs: Number of common seeds.
    """

    difference: float
    low: float
    high: float
    p: float
    pairs: int


def summarise(values: Sequence[float], *, confidence: float = 0.95) -> Summary:
    """Return mean, standard deviation and interval of the scores of several runs.

    Raises:
        ValueError: There are no values.
    """
    if len(values) == 0:
        raise ValueError("no runs to summarise")
    scores = np.asarray(values, dtype=float)
    mean = float(scores.mean())
    if len(scores) == 1:
        return Summary(mean, np.nan, np.nan, np.nan)
    sd = float(scores.std(ddof=1))
    reach = float(stats.t.ppf((1 + confidence) / 2, len(scores) - 1)) * sd / len(scores) ** 0.5
    return Summary(mean, sd, mean - reach, mean + reach)


def paired(
    values: Mapping[int, float], baseline: Mapping[int, float], *, confidence: float = 0.95
) -> Paired:
    """Return the difference of two variants by a two-sided paired t-test over common seeds.

    p is 0 if all pairs differ by the same amount, and 1 if all are equal.

    Args:
        values: Score of each seed.
        baseline: Score of each seed of the baseline.
        confidence: Confidence level of the interval.
    """
    seeds = [seed for seed in values if seed in baseline]
    if not seeds:
        return Paired(np.nan, np.nan, np.nan, np.nan, 0)
    difference = np.asarray([values[seed] - baseline[seed] for seed in seeds])
    mean, _, low, high = summarise(difference.tolist(), confidence=confidence)
    if len(seeds) == 1:
        p = np.nan
    elif np.ptp(difference) == 0:
        p = 1.0 if mean == 0 else 0.0
    else:
        p = float(stats.ttest_1samp(difference, 0.0).pvalue)
    return Paired(mean, low, high, p, len(seeds))


def p_words(p: float) -> str:
    """Return a p-value as text: ``p 0.013``, ``p < 0.001``."""
    return "p < 0.001" if p < 0.001 else f"p {p:.2g}"


def seed_scores(record: Record, variant: str, metric: str) -> dict[int, float]:
    """Return the score of each seed of a variant, in the order of the seeds.

    Args:
        record: Record of a study, whose stages are named ``<variant>/seed<seed>``.
        variant: Name of the variant.
        metric: Name of the metric in the evaluator.

    Returns:
        ``{seed: score}``, without seeds whose score is missing or not finite.
    """
    stages = {stage["name"]: stage["metrics"] for stage in record.stages}
    scores = {
        seed: stages.get(f"{variant}/seed{seed}", {}).get(metric)
        for seed in record.config.get("seeds", [])
    }
    return {seed: v for seed, v in scores.items() if v is not None and math.isfinite(v)}


def compare_variants(record: Record, variant: str, other: str, metric: str) -> Paired:
    """Return the difference of two variants over their common seeds."""
    return paired(*(seed_scores(record, name, metric) for name in (variant, other)))
