"""The figures on collapse, in their order, with how to read them and the lines of reference.

Letters: M vectors of a batch, which is all views of its B images; N fixed images, D channels.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from mmdense.collapse.decompose import collapse_level
from mmdense.collapse.decorrelation import decorrelation_ceiling, decorrelation_floor
from mmdense.collapse.readings import ROWS
from mmdense.collapse.spectrum import rank_ceiling
from mmdense.report.charts import Chart, Line, Panel, of, with_content
from mmdense.report.collapse.portraits import (
    draw_eta_sweep,
    draw_phase,
    draw_spectra,
    last_shares,
    phase,
)
from mmdense.report.collapse.runs import Points, Run

__all__ = ["charts_of"]


def charts_of(runs: Sequence[Run]) -> list[Chart]:
    """The figures for which at least one run has readings, without the panels that none has."""
    return with_content(_FIGURES, runs)


def _line(text: str, value: Callable[[Mapping[str, Any]], float]) -> Line:
    """A line of reference, computed from the facts of a run; none where a fact is missing."""

    def known(run: Run) -> float | None:
        try:
            return value(run.facts)
        except (KeyError, TypeError):  # files of older versions have fewer facts
            return None

    return Line(text, known)


def _batch_rank_ceiling(facts: Mapping[str, Any]) -> float:
    """min(B - 1, D), of as many images as eigenvalues are solved for."""
    return rank_ceiling(min(facts["batch"], ROWS), facts["channels"], centred=True)


def _batch_rank_limit(facts: Mapping[str, Any]) -> float:
    """The rank below which the verdict is a dimensional collapse."""
    limits = facts["limits"]
    return max(limits["rank"] * _batch_rank_ceiling(facts), limits["least_rank"])


def _space_ceiling(space: str, *, centred: bool) -> Line:
    """min(N, D), or min(N - 1, D) of centred features, in a space of the fixed images."""

    def ceiling(facts: Mapping[str, Any]) -> float:
        sizes = facts["spaces"][space]
        return rank_ceiling(sizes["images"], sizes["channels"], centred=centred)

    return _line("ceiling", ceiling)


def _flat_area(space: str) -> Line:
    """The area under a flat spectrum of a space."""
    return _line("flat", lambda facts: (1.0 + 1.0 / facts["spaces"][space]["channels"]) / 2.0)


def _collapse_level(run: Run) -> Points:
    channels = run.facts.get("channels")
    if channels is None:
        return []
    known = run.curve("std")
    return [
        (step, std if math.isnan(std) else collapse_level(std, channels)) for step, std in known
    ]


def _drift(run: Run) -> Points:
    return [(step, max(1.0 - cosine, 1e-12)) for step, cosine in run.curve("drift")]


_SPACES = ("backbone", "projector")
_LEAST_RANK = (0.9, None)
_ZERO, _POINT = (_line(text, lambda facts: 0.0) for text in ("", "one point"))
_UNRELATED = _line("unrelated views", lambda facts: 2.0)
_SPHERE = _line("full sphere", lambda facts: -4.0)
_ONE_DIRECTION = _line("one direction", lambda facts: 1.0)
_LIMIT = _line("limit of a complete collapse", lambda facts: facts["limits"]["centre"])
_FLOOR = _line("floor 1/√M", lambda facts: facts["centre_floor"])
_DEVIATION = _line("ceiling 1/√D", lambda facts: 1.0 / math.sqrt(facts["channels"]))
_COVARIANCE = (
    _line("floor 1/(B D)", lambda facts: decorrelation_floor(facts["batch"], facts["channels"])),
    _line("ceiling 1/D", lambda facts: decorrelation_ceiling(facts["channels"])),
)
_BATCH_CEILING = _line("ceiling", _batch_rank_ceiling)
_BATCH_LIMIT = _line("limit", _batch_rank_limit)
_RANKS = {  # of fixed images: their names, and whether they are centred
    "rank_me": ("RankMe", False),
    "centred_rank_me": ("RankMe, centred", True),
    "eigenvalue_rank": ("eigenvalue rank", True),
    "participation_ratio": ("participation ratio", True),
    "lidar": ("LiDAR", True),
}

# Figures of the paper are those of arXiv:2203.16262.
_FIGURES = (
    # Figures 4, 5b and 6 of the paper.
    Chart(
        "centre",
        "Centre and residual",
        "m_o is the length of the mean of all unit projections, m_r the mean length of what is left"
        " of each. Healthy: m_o low, m_r near 1. Complete collapse: m_o 1, m_r 0. Below its floor, "
        "1/√M of M independent directions, m_o says nothing. A BatchNorm without affine weights at "
        "the projector's end keeps m_o low whatever goes in; then the reading before it counts. "
        "Where a run changes its loss, an upright line in its colour names the head of the new "
        "one, once.",
        tuple(
            Panel(label, of(name), refs, limits=(0.0, 1.03), marks=lambda run: run.phases)
            for label, name, refs in (
                ("m_o, length of the centre", "m_o", (_FLOOR, _LIMIT)),
                ("m_r, mean length of the residual", "m_r", ()),
                ("m_o before the last BatchNorm", "m_o_before_norm", (_FLOOR, _LIMIT)),
            )
        ),
    ),
    Chart(
        "phase",
        "Phase portrait",
        "The way of a run through the plane of m_o and m_r, from the ring to the dot. It cannot "
        "leave the quarter circle m_o² + m_r² = 1 outwards: the top left corner is healthy, the "
        "bottom right one collapsed. Inside the circle the residuals differ in length from image "
        "to image.",
        (Panel("m_r, residual", phase, limits=(0.0, 1.06), draw=draw_phase),),
    ),
    Chart(
        "deviation",
        "Standard deviation and collapse level",
        "std is the standard deviation of each channel of the unit projections, averaged over the "
        "channels; vectors that fill the sphere have 1/√D. The collapse level is "
        "max(0, 1 - √D std): 0 healthy, 1 collapsed. Neither sees channels that repeat each other: "
        "look at the ranks too.",
        (
            Panel(
                "std of a channel",
                of("std"),
                (_DEVIATION,),
                limits=(0.0, None),
            ),
            Panel("collapse level", _collapse_level, limits=(-0.02, 1.03)),
        ),
    ),
    Chart(
        "covariance",
        "Correlation of the channels",
        "The mean over the channels of the squared covariances with all others. The floor 1/(B D) "
        "is that of B independent directions, the ceiling 1/D that of vectors on one line. Far "
        "below the floor is no good sign: of vectors in one point nothing varies or co-varies.",
        (
            Panel(
                "off-diagonal covariance",
                of("covariance"),
                _COVARIANCE,
                log=True,
            ),
        ),
    ),
    Chart(
        "batch_ranks",
        "Ranks in a batch",
        "How many dimensions the projections of a training batch use: by the entropy of the "
        "eigenvalues, and by (Σλ)²/Σλ². Both are taken around the centre, so a complete collapse "
        "can have a high rank: what is left of it is noise. The gap is the rank of the "
        "predictions less that of the projections; designs that do not collapse keep a gap.",
        (
            Panel(
                "rank (eigenvalues)",
                of("rank"),
                (_BATCH_LIMIT, _BATCH_CEILING),
                log=True,
                limits=_LEAST_RANK,
            ),
            Panel(
                "participation ratio",
                of("participation_ratio"),
                (_BATCH_CEILING,),
                log=True,
                limits=_LEAST_RANK,
            ),
            Panel("rank of P less rank of Z", of("rank_gap"), (_ZERO,)),
        ),
    ),
    # Figure 5a of the paper.
    Chart(
        "eta",
        "Centre in the extra gradient",
        "SimSiam adds o_z - o_p to the pull between two views. Its part along o_p is eta_p: "
        "negative, it pushes predictions away from their centre (about -0.44 in the paper). Mirror "
        "SimSiam adds o_p - o_z, whose part along o_z is eta_z: positive, it pushes into the "
        "collapse (about +0.18). In the sweep eta_p is where the curve of the last reading crosses "
        "zero. Both parts shrink to zero as a run collapses.",
        (
            Panel("eta_p, part of o_p in o_z - o_p", of("eta_p"), (_ZERO,)),
            Panel("eta_z, part of o_z in o_p - o_z", of("eta_z"), (_ZERO,)),
            Panel(
                "cos(o_e - eta o_p, o_p)", last_shares, limits=(-1.05, 1.05), draw=draw_eta_sweep
            ),
        ),
    ),
    # Figure 5c of the paper has both over the temperature of InfoNCE.
    Chart(
        "extra_gradient",
        "Extra gradient of the loss",
        "What the loss adds to the plain pull between two views, measured on its real gradient and "
        "in units of that pull: its centre o_e, which can move the centre of the vectors, and its "
        "residual r_e. Where both are zero nothing works against collapse. Where the cosine is "
        "positive, r_e also makes the channels less correlated.",
        (
            Panel("|o_e|", of("o_e"), limits=(0.0, None)),
            Panel("mean |r_e|", of("r_e"), limits=(0.0, None)),
            Panel("cosine of r_e with de-correlation", of("r_e_decorrelates"), (_ZERO,)),
        ),
    ),
    Chart(
        "ranks",
        "Ranks of the fixed images",
        "The same images at every epoch, in eval mode, by each definition that goes by the name of "
        "effective rank. The ceiling is min(N, D), and min(N - 1, D) where the mean is taken away. "
        "RankMe far below its centred form means a long centre; both low means few dimensions. "
        "Compare runs of one method, and backbone with backbone.",
        tuple(
            Panel(
                name,
                of(f"{space}/{key}"),
                (_space_ceiling(space, centred=centred),),
                log=True,
                limits=_LEAST_RANK,
                title=space.capitalize(),
            )
            for key, (name, centred) in _RANKS.items()
            for space in _SPACES
        ),
        columns=2,
    ),
    Chart(
        "spectra",
        "Spectra of the fixed images",
        "Eigenvalues of the covariance as fractions of their sum, in descending order: thin at the "
        "first look, thick at the last. A flat curve uses all dimensions; one that drops at once "
        "uses few (dimensional collapse). Values below 1e-12 are not drawn.",
        tuple(
            Panel(
                "fraction of the variance",
                partial(Run.spectra_of, space=space),
                log=True,
                title=space.capitalize(),
                draw=partial(draw_spectra, space=space),
            )
            for space in _SPACES
        ),
        columns=2,
    ),
    Chart(
        "spectrum_shape",
        "Shape of the spectrum",
        "The area under the cumulated singular values is (1 + 1/D)/2 for a flat spectrum and 1 for "
        "one direction. Alpha is the exponent of λ_j ~ j^-α over the 11th to 100th eigenvalue: "
        "0 for a flat spectrum, steeper the higher; values near 1 are reported for good features.",
        (
            *(
                Panel(
                    "spectrum AUC",
                    of(f"{space}/auc"),
                    (_flat_area(space), _ONE_DIRECTION),
                    title=space.capitalize(),
                )
                for space in _SPACES
            ),
            *(
                Panel("alpha-ReQ", of(f"{space}/alpha_req"), title=space.capitalize())
                for space in _SPACES
            ),
        ),
        columns=2,
    ),
    Chart(
        "alignment",
        "Alignment and uniformity",
        "Alignment is the mean squared distance of two views of an image: 0 where they agree, 2 "
        "for unrelated ones. Uniformity is the log of the mean of exp(-2 d²) over pairs of images: "
        "0 where all are one point, -4 where they fill a sphere of many dimensions. Good runs "
        "lower both; a collapse has both at 0.",
        (
            Panel("alignment", of("alignment"), (_UNRELATED, _ZERO)),
            Panel(
                "uniformity",
                of("uniformity"),
                (_POINT, _SPHERE),
            ),
        ),
    ),
    Chart(
        "length",
        "Length and drift",
        "The mean length of the projections before they are scaled to 1: the gradient on them is "
        "divided by it, so a length that grows without end slows training down. Drift is one less "
        "the cosine of the centre with that of the step before: small where the centre stays.",
        (
            Panel("mean length of z", of("norm"), limits=(0.0, None)),
            Panel("1 - cosine of two centres", _drift, log=True),
        ),
    ),
    Chart(
        "predictor_lr",
        "Learning rate of the predictor",
        "SimSiam keeps it constant while the others decay. Where it falls with the schedule though "
        "the config fixes it, the hook that resets it runs once an epoch and not at every step.",
        (Panel("learning rate", of("predictor_lr"), limits=(0.0, None)),),
    ),
)
