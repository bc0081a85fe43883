"""The verdict on a run, and the readings behind it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import NamedTuple

from mmdense.collapse.decompose import centre_floor, collapse_level, mean_pairwise_cosine
from mmdense.collapse.spectrum import rank_ceiling

HEALTHY = "healthy"
COMPLETE = "complete collapse"
DIMENSIONAL = "dimensional collapse"
DIVERGED = "diverged"
HIDDEN = "the last BatchNorm hides the centre"
EARLY = "too early to say"
COLLAPSES = (COMPLETE, DIMENSIONAL)
_UNIFORM = 0.999  # entropy of assignments over ln K
_LEAST_FRACTION = 0.5  # of projections with a length above zero


@dataclass(frozen=True)
class Limits:
    """Limits of the readings.

    Attributes:
        centre: An m_o at or above this is a complete collapse. A random network can start above it
            and a healthy run leaves it soon, so ``CollapseHook.patience`` judgements are needed.
        rank: A rank below this fraction of its ceiling is a dimensional collapse.
        least_rank: A rank below this is a dimensional collapse, for any ceiling.
    """

    centre: float = 0.95
    rank: float = 0.02
    least_rank: float = 2.0

    def __post_init__(self) -> None:
        if not (0.0 < self.centre <= 1.0 and 0.0 <= self.rank < 1.0):
            raise ValueError(
                f"CollapseHook.limits: centre and rank must be between 0 and 1, found {self}"
            )


def limits_of(given: Mapping[str, float]) -> Limits:
    """Return the limits of a config.

    Raises:
        ValueError: An unknown key, or a value out of range.
    """
    known = [field.name for field in fields(Limits)]
    if unknown := sorted(set(given) - set(known)):
        raise ValueError(f"CollapseHook.limits: unknown {unknown}, expected {', '.join(known)}")
    return Limits(**given)


class State(NamedTuple):
    """Readings at one step of training.

    Attributes:
        m_o: Of the projections; not finite if they are not.
        m_r: Of the projections.
        std: Of the projections, mean over channels.
        rank: Eigenvalue rank of the projections of a batch, or None if it was not measured.
        images: Number of vectors in m_o.
        rank_images: Number of vectors in the rank.
        channels: D.
        p_m_o: m_o of the predictions, or None without a predictor.
        m_o_before_norm: m_o of the inputs of a last BatchNorm without affine weights, or None if
            the projector does not end in one.
        uniform: Entropy of the assignments to prototypes as a fraction of ln K, by its name.
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
    uniform: Mapping[str, float] = MappingProxyType({})


class Verdict(NamedTuple):
    """A verdict and its reason.

    Attributes:
        name: One of the six verdicts of this module.
        reason: Sentence with the reading, its floor or ceiling, and the limit.
    """

    name: str
    reason: str


def judge(state: State, limits: Limits) -> Verdict:
    """Return the verdict; the first rule that applies decides.

    0. The batch has one image: too early to say.
    1. A value is not finite: diverged.
    2. m_o of the projections or of the predictions is above its limit, at least half of the
       projections have length zero, or the assignments to prototypes are uniform: complete
       collapse.
    3. The rank of the projections is too low: dimensional collapse.
    4. m_o before a last BatchNorm without affine weights is above its limit: the last BatchNorm
       hides the centre.
    5. Otherwise: healthy.
    """
    if state.rank_images < 2:
        return Verdict(EARLY, "a batch of one image has no spread to measure")
    for what, value in (("projections", state.m_o), ("predictions", state.p_m_o)):
        if value is not None and not math.isfinite(value):
            return Verdict(DIVERGED, f"{what} contain NaN or infinity")
    floor = centre_floor(state.images)
    level = collapse_level(state.std, state.channels)
    centre = f"m_o {state.m_o:.3f} (floor {floor:.3f} for {state.images} vectors, limit "
    cosine = mean_pairwise_cosine(state.m_o, state.images)
    centre += f"{limits.centre:g}), mean cosine of two images {cosine:.2f}, "
    centre += f"collapse level {level:.2f}"
    collapsed = "all images have the same direction" if state.m_o >= limits.centre else ""
    if not collapsed and state.p_m_o is not None and state.p_m_o >= limits.centre:
        collapsed = "all predictions have the same direction, their m_o is "
        collapsed += f"{state.p_m_o:.3f} (limit {limits.centre:g}); the projections differ"
    # Each z of length 1 has |o| + |z - o| >= 1, so m_o + m_r is at least the fraction of those.
    if state.m_o + state.m_r < _LEAST_FRACTION:
        collapsed = "at least half of the projections have length zero, m_o + m_r is "
        collapsed += f"{state.m_o + state.m_r:.3f} (at least 1 if none has)"
    for name, share in state.uniform.items():
        if not collapsed and share >= _UNIFORM:
            collapsed = f"the teacher assigns everything to all prototypes alike, {name} is "
            collapsed += f"{share:.4f} of ln K (limit {_UNIFORM})"
    if collapsed:
        return Verdict(COMPLETE, f"{collapsed}: {centre}")
    rank = ""
    if state.rank is not None:
        ceiling = rank_ceiling(state.rank_images, state.channels, centred=True)
        least = max(limits.rank * ceiling, limits.least_rank)
        rank = f"effective rank {state.rank:.1f} of at most {ceiling} (limit {least:.1f})"
        if state.rank < least:
            return Verdict(DIMENSIONAL, f"few dimensions are used: {rank}; {centre}")
    before = state.m_o_before_norm
    if before is not None:
        centre = f"m_o is {state.m_o:.3f} because the projector ends in a BatchNorm without affine "
        centre += f"weights; before it m_o is {before:.3f} (limit {limits.centre:g})"
    hidden = before is not None and before >= limits.centre
    return Verdict(HIDDEN if hidden else HEALTHY, f"{centre}; {rank}".rstrip("; "))
