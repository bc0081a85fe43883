"""One word on a run, and the readings that led to it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

from mmdense.collapse.decompose import centre_floor, collapse_level, mean_pairwise_cosine
from mmdense.collapse.spectrum import rank_ceiling

__all__ = ["COLLAPSES", "EARLY", "Limits", "State", "Verdict", "judge", "limits_of"]

HEALTHY = "healthy"
COMPLETE = "complete collapse"
DIMENSIONAL = "dimensional collapse"
DIVERGED = "diverged"
HIDDEN = "the last BatchNorm hides the centre"
EARLY = "too early to say"
COLLAPSES = (COMPLETE, DIMENSIONAL)
_LEAST_SHARE = 0.5  # of projections that have a direction


@dataclass(frozen=True)
class Limits:
    """Where a reading turns bad.

    Attributes:
        centre: m_o from here on is a complete collapse. A random network may begin above it, and a
            healthy run leaves it soon; so the reading has to last, see ``CollapseHook.patience``.
        rank: A share of what the rank can be; below it the run uses too few dimensions.
        least_rank: Ranks below this many dimensions are a collapse whatever their share.
    """

    centre: float = 0.95
    rank: float = 0.02
    least_rank: float = 2.0

    def __post_init__(self) -> None:
        if not (0.0 < self.centre <= 1.0 and 0.0 <= self.rank < 1.0):
            raise ValueError(f"limits: centre and rank are shares from 0 to 1, found {self}")


def limits_of(given: Mapping[str, float]) -> Limits:
    """Limits from a config.

    Raises:
        ValueError: A key that there is not, or a value that is out of range.
    """
    known = [field.name for field in fields(Limits)]
    if unknown := sorted(set(given) - set(known)):
        raise ValueError(f"CollapseHook.limits: {unknown} not among {', '.join(known)}")
    return Limits(**given)


class State(NamedTuple):
    """Readings of a stretch of training.

    Attributes:
        m_o: Of the projections; not finite where they are not.
        m_r: Of the projections.
        std: Of the projections, mean over channels.
        rank: Eigenvalue rank of the projections of a batch, or None where it was not measured.
        images: Vectors behind m_o.
        rank_images: Vectors behind the rank.
        channels: D.
        p_m_o: m_o of the predictions, or None where the model makes none.
        m_o_before_norm: m_o of what goes into a last BatchNorm without affine weights, or None
            where the projector does not end in one.
    """

    m_o: float
    m_r: float
    std: float
    rank: float | None
    images: int
    rank_images: int
    channels: int
    m_o_before_norm: float | None = None
    p_m_o: float | None = None


class Verdict(NamedTuple):
    """What a person reads.

    Attributes:
        name: One of the six words.
        reason: The reading, its floor or ceiling, and the limit.
    """

    name: str
    reason: str


def judge(state: State, limits: Limits) -> Verdict:
    """The verdict on a state; the first rule that holds decides.

    0. A batch of one image has no other to be told from: too early to say.
    1. Something is not finite: diverged.
    2. The projections, or the predictions that the loss compares, share one direction, m_o above
       its limit, or half of the projections and more have length zero: complete collapse.
    3. Their rank is too low: dimensional collapse.
    4. A last BatchNorm without affine weights keeps m_o low, while before it m_o is above its
       limit: the last BatchNorm hides the centre.
    5. Else healthy.
    """
    if state.rank_images < 2:
        return Verdict(EARLY, "a batch has one image, and one image has no centre to leave")
    for what, value in (("projections", state.m_o), ("predictions", state.p_m_o)):
        if value is not None and not math.isfinite(value):
            return Verdict(DIVERGED, f"{what} hold NaN or infinity")
    floor = centre_floor(state.images)
    level = collapse_level(state.std, state.channels)
    centre = f"m_o {state.m_o:.3f} (floor {floor:.3f} of {state.images} vectors, limit "
    cosine = mean_pairwise_cosine(state.m_o, state.images)
    centre += f"{limits.centre:g}), mean cosine of two vectors {cosine:.2f}, "
    centre += f"collapse level {level:.2f}"
    collapsed = "all images point one way" if state.m_o >= limits.centre else ""
    if not collapsed and state.p_m_o is not None and state.p_m_o >= limits.centre:
        collapsed = "all images point one way behind the predictor, m_o of the predictions is "
        collapsed += f"{state.p_m_o:.3f} (limit {limits.centre:g}), though not before it"
    # 1 <= |o| + |z - o| for each z of length 1: the sum is below the share of those.
    if state.m_o + state.m_r < _LEAST_SHARE:
        collapsed = "half of the projections and more have length zero, m_o + m_r is "
        collapsed += f"{state.m_o + state.m_r:.3f} (at least 1 where none has)"
    if collapsed:
        return Verdict(COMPLETE, f"{collapsed}: {centre}")
    rank = ""
    if state.rank is not None:
        ceiling = rank_ceiling(state.rank_images, state.channels, centred=True)
        least = max(limits.rank * ceiling, limits.least_rank)
        rank = f"effective rank {state.rank:.1f} of at most {ceiling} (limit {least:.1f})"
        if state.rank < least:
            return Verdict(DIMENSIONAL, f"few dimensions are in use: {rank}; {centre}")
    before = state.m_o_before_norm
    if before is not None:
        centre = f"m_o is {state.m_o:.3f} by construction, as the projector ends in a BatchNorm "
        centre += f"without affine weights; before it m_o is {before:.3f} (limit {limits.centre:g})"
    hidden = before is not None and before >= limits.centre
    return Verdict(HIDDEN if hidden else HEALTHY, f"{centre}; {rank}".rstrip("; "))
