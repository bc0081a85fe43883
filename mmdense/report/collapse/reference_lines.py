"""Floors, ceilings and limits of a run's readings; None where its file does not tell them.

Letters: M vectors of a batch, which is all views of its B images; N fixed images, D channels.
"""

import math
from collections.abc import Callable

from mmdense.collapse.decorrelation import decorrelation_ceiling, decorrelation_floor
from mmdense.collapse.readings import ROWS
from mmdense.collapse.spectrum import rank_ceiling
from mmdense.report.collapse.runs import Run

__all__ = [
    "batch_rank_ceiling",
    "batch_rank_limit",
    "centre_floor",
    "centre_limit",
    "covariance_ceiling",
    "covariance_floor",
    "deviation_ceiling",
    "flat_auc",
    "space_rank_ceiling",
]


def centre_floor(run: Run) -> float | None:
    """1/sqrt(M): m_o of independent directions."""
    return run.facts.get("centre_floor")


def centre_limit(run: Run) -> float | None:
    """m_o from which on the verdict is a complete collapse."""
    return run.facts.get("limits", {}).get("centre")


def deviation_ceiling(run: Run) -> float | None:
    """1/sqrt(D)."""
    channels = run.facts.get("channels")
    return None if channels is None else 1.0 / math.sqrt(channels)


def covariance_floor(run: Run) -> float | None:
    """1/(B D): it is taken over one view."""
    batch, channels = run.facts.get("batch"), run.facts.get("channels")
    return None if batch is None or channels is None else decorrelation_floor(batch, channels)


def covariance_ceiling(run: Run) -> float | None:
    """1/D."""
    channels = run.facts.get("channels")
    return None if channels is None else decorrelation_ceiling(channels)


def batch_rank_ceiling(run: Run) -> float | None:
    """min(B - 1, D), of as many images as eigenvalues are solved for."""
    batch, channels = run.facts.get("batch"), run.facts.get("channels")
    if batch is None or channels is None:
        return None
    return rank_ceiling(min(batch, ROWS), channels, centred=True)


def batch_rank_limit(run: Run) -> float | None:
    """The rank below which the verdict is a dimensional collapse."""
    ceiling, limits = batch_rank_ceiling(run), run.facts.get("limits")
    if ceiling is None or limits is None:
        return None
    return max(limits["rank"] * ceiling, limits["least_rank"])


def space_rank_ceiling(space: str, *, centred: bool) -> Callable[[Run], float | None]:
    """min(N, D), or min(N - 1, D) of centred features, in a space of the fixed images."""

    def ceiling(run: Run) -> float | None:
        sizes = run.facts.get("spaces", {}).get(space)
        if sizes is None:
            return None
        return rank_ceiling(sizes["images"], sizes["channels"], centred=centred)

    return ceiling


def flat_auc(space: str) -> Callable[[Run], float | None]:
    """(1 + 1/D)/2, the area under a flat spectrum of a space."""

    def area(run: Run) -> float | None:
        sizes = run.facts.get("spaces", {}).get(space)
        return None if sizes is None else (1.0 + 1.0 / sizes["channels"]) / 2.0

    return area
