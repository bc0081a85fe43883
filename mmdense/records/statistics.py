"""What a few seeds can say: mean, spread, an interval, and whether two variants differ.

Few runs are no normal sample of many: intervals and tests are Student's, with as many degrees of
freedom as there are runs less one. With three seeds an interval is 4.3 standard errors wide to each
side, and only plain differences are told from chance.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from mmdense.records.record import Record

__all__ = [
    "Paired",
    "Summary",
    "compare_variants",
    "p_words",
    "paired",
    "seed_scores",
    "summarise",
]


class Summary(NamedTuple):
    """Several runs of one thing.

    Attributes:
        mean: Over the runs.
        sd: Sample standard deviation; NaN of one run.
        low: Lower end of the interval that has the mean of many runs in it with ``confidence``.
        high: Upper end.
    """

    mean: float
    sd: float
    low: float
    high: float


class Paired(NamedTuple):
    """The difference of two things over the seeds that both were run with.

    Attributes:
        difference: Mean over the pairs; NaN of no pair.
        low: Lower end of the interval that has the difference of many pairs in it; NaN of one.
        high: Upper end.
        p: Probability of a mean difference as large as this one, or larger, were there none; NaN
            of one pair.
        pairs: Number of seeds that both have.
    """

    difference: float
    low: float
    high: float
    p: float
    pairs: int


def summarise(values: Sequence[float], *, confidence: float = 0.95) -> Summary:
    """Mean, spread and interval of the scores of several runs.

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
    """Compare two things of which each was run with several seeds.

    Two-sided paired t-test over the seeds that both have. p is 0 where all pairs differ by the same
    amount, and 1 where none does.

    Args:
        values: Score of each seed.
        baseline: The same of what it is compared with.
        confidence: Of the interval.
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
    """A p-value as a reader needs it: ``p 0.013``, ``p < 0.001``."""
    return "p < 0.001" if p < 0.001 else f"p {p:.2g}"


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
