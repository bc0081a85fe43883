"""What a few seeds can say: mean, spread, an interval, and whether two variants differ.

Few runs are no normal sample of many: intervals and tests are Student's, with as many degrees of
freedom as there are runs less one. With three seeds an interval is 4.3 standard errors wide to each
side, and only plain differences are told from chance.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

__all__ = ["Summary", "paired_p", "summarise"]


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


def paired_p(values: Sequence[float], baseline: Sequence[float]) -> float:
    """Probability of a mean difference as large as this one, or larger, were there none.

    Two-sided paired t-test: run i of both has the same seed. NaN with fewer than two pairs; 0 where
    all pairs differ by the same amount, 1 where none does.

    Raises:
        ValueError: The runs do not pair.
    """
    if len(values) != len(baseline):
        raise ValueError(f"{len(values)} runs do not pair with {len(baseline)}")
    difference = np.asarray(values, dtype=float) - np.asarray(baseline, dtype=float)
    if len(difference) < 2:
        return float("nan")
    if np.ptp(difference) == 0:
        return 1.0 if difference[0] == 0 else 0.0
    return float(stats.ttest_1samp(difference, 0.0).pvalue)
