"""Comparison of the scores of a run with the scores that its config expects."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Outcome(str, Enum):
    """Result of a comparison with an expected score."""

    WITHIN = "within"  # within the tolerance
    OUTSIDE = "outside"
    INCOMPLETE = "incomplete"  # the config lacks the metric, its value or its tolerance


@dataclass(frozen=True)
class Check:
    """One expected score and the score of a run.

    Attributes:
        metric: Name of the metric in the record.
        value: Score of the run, in the unit of the evaluator.
        expected: Expected score.
        tolerance: Maximum difference between the two.
        source: Record or paper of the expected score.
        verdict: Result of the comparison.
    """

    metric: str
    value: float
    expected: float
    tolerance: float
    source: str
    verdict: Outcome

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Check":
        """Return a check from its entry in a record; None becomes NaN."""
        numbers = {
            name: math.nan if content[name] is None else content[name]
            for name in ("value", "expected", "tolerance")
        }
        return cls(**{**content, **numbers, "verdict": Outcome(content["verdict"])})

    def __str__(self) -> str:
        if self.verdict is Outcome.INCOMPLETE:
            return f"expected {self.metric or 'score'}: needs metric, value and tolerance"
        found = f"{self.metric} is {self.value:.4g}, expected {self.expected:.4g}"
        off = (
            "within tolerance"
            if self.verdict is Outcome.WITHIN
            else f"outside, by {self.value - self.expected:+.4g}"
        )
        return f"{found} ± {self.tolerance:g} ({self.source}): {off}"


def check_scores(expected: Sequence[Any], metrics: Mapping[str, float]) -> list[Check]:
    """Compare expected scores with those of a run.

    Args:
        expected: Entries ``expected`` of a config, with values.
        metrics: Metrics in the record of the run. For an entry from a pipeline or a study,
            ``<stage or variant>/<metric>`` and ``.../mean`` also match ``<metric>``.

    Returns:
        A check for each entry whose metric the run has, and for each that lacks a key.
    """
    checks = []
    for entry in expected:
        if not isinstance(entry, Mapping) or not {"metric", "value", "tolerance"} <= set(entry):
            metric = entry.get("metric", "") if isinstance(entry, Mapping) else ""
            nothing = (math.nan, math.nan, math.nan)
            checks.append(Check(metric, *nothing, "its config", Outcome.INCOMPLETE))
            continue
        wanted = f"/{entry['metric'].removesuffix('/mean')}"  # mean over the seeds of a study
        names = [name for name in metrics if wanted.endswith(f"/{name.removesuffix('/mean')}")]
        if not names:
            continue
        name = max(names, key=len)
        found, value, tolerance = metrics[name], entry["value"], entry["tolerance"]
        found = math.nan if found is None else found
        inside = abs(found - value) <= tolerance * (1 + 1e-9)  # False for NaN
        source = entry.get("record") or entry.get("paper", "its config")
        verdict = Outcome.WITHIN if inside else Outcome.OUTSIDE
        checks.append(Check(name, found, value, tolerance, source, verdict))
    return checks
