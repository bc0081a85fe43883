"""The figures of the collapse report, one function each; how to read them stands beside them.

Letters: M vectors of a batch, B images of it, N fixed images, D channels.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

from mmdense.collapse.decompose import collapse_level
from mmdense.report.charts import Chart, Line, Panel, of, with_content
from mmdense.report.collapse import reference_lines as lines
from mmdense.report.collapse.portraits import (
    draw_eta_sweep,
    draw_phase,
    draw_spectra,
    last_shares,
    phase,
)
from mmdense.report.collapse.runs import Points, Run

__all__ = ["charts_of"]

_ZERO: Line = Line("", lambda run: 0.0)
_RANKS = (0.9, None)  # no rank is below one
_SPACES = ("backbone", "projector")


def charts_of(runs: Sequence[Run]) -> list[Chart]:
    """The figures for which at least one run has readings, without the panels that none has."""
    return with_content([make() for make in _FIGURES], runs)


def centre_and_residual() -> Chart:
    """Length of the centre and of what is left (figures 4, 5b and 6 of the paper)."""
    limit = Line("limit of a complete collapse", lines.centre_limit)
    floor = Line("floor 1/√M", lines.centre_floor)
    return Chart(
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
                ("m_o, length of the centre", "m_o", (floor, limit)),
                ("m_r, mean length of the residual", "m_r", ()),
                ("m_o before the last BatchNorm", "m_o_before_norm", (floor, limit)),
            )
        ),
    )


def phase_portrait() -> Chart:
    """m_r over m_o."""
    return Chart(
        "phase",
        "Phase portrait",
        "The way of a run through the plane of m_o and m_r, from the ring to the dot. It cannot "
        "leave the quarter circle m_o² + m_r² = 1 outwards: the top left corner is healthy, the "
        "bottom right one collapsed. Inside the circle the residuals differ in length from image "
        "to image.",
        (Panel("m_r, residual", phase, limits=(0.0, 1.06), draw=draw_phase),),
    )


def deviation() -> Chart:
    """Standard deviation of the channels, and the collapse level."""
    return Chart(
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
                (Line("ceiling 1/√D", lines.deviation_ceiling),),
                limits=(0.0, None),
            ),
            Panel("collapse level", _collapse_level, limits=(-0.02, 1.03)),
        ),
    )


def covariance() -> Chart:
    """Squared covariance of different channels."""
    return Chart(
        "covariance",
        "Correlation of the channels",
        "The mean over the channels of the squared covariances with all others. The floor 1/(B D) "
        "is that of B independent directions, the ceiling 1/D that of vectors on one line. Far "
        "below the floor is no good sign: of vectors in one point nothing varies or co-varies.",
        (
            Panel(
                "off-diagonal covariance",
                of("covariance"),
                (
                    Line("floor 1/(B D)", lines.covariance_floor),
                    Line("ceiling 1/D", lines.covariance_ceiling),
                ),
                log=True,
            ),
        ),
    )


def batch_ranks() -> Chart:
    """Ranks of the projections of a batch."""
    ceiling = Line("ceiling", lines.batch_rank_ceiling)
    return Chart(
        "batch_ranks",
        "Ranks in a batch",
        "How many dimensions the projections of a training batch use: by the entropy of the "
        "eigenvalues, and by (Σλ)²/Σλ². Both are taken around the centre, so a complete collapse "
        "can have a high rank: what is left of it is noise. The gap is the rank of the "
        "predictions less that of the projections; designs that live keep the two apart.",
        (
            Panel(
                "rank (eigenvalues)",
                of("rank"),
                (Line("limit", lines.batch_rank_limit), ceiling),
                log=True,
                limits=_RANKS,
            ),
            Panel(
                "participation ratio",
                of("participation_ratio"),
                (ceiling,),
                log=True,
                limits=_RANKS,
            ),
            Panel("rank of P less rank of Z", of("rank_gap"), (_ZERO,)),
        ),
    )


def centre_in_extra_gradient() -> Chart:
    """eta_p, eta_z and their sweep (figure 5a of the paper)."""
    return Chart(
        "eta",
        "Centre in the extra gradient",
        "SimSiam adds o_z - o_p to the pull between two views. Its share along o_p is eta_p: "
        "negative, it pushes predictions away from their centre (about -0.44 in the paper). Mirror "
        "SimSiam adds o_p - o_z, whose share along o_z is eta_z: positive, it pushes into the "
        "collapse (about +0.18). In the sweep eta_p is where the curve of the last reading crosses "
        "zero. Both shares shrink to zero as a run collapses.",
        (
            Panel("eta_p, share of o_p in o_z - o_p", of("eta_p"), (_ZERO,)),
            Panel("eta_z, share of o_z in o_p - o_z", of("eta_z"), (_ZERO,)),
            Panel(
                "cos(o_e - eta o_p, o_p)", last_shares, limits=(-1.05, 1.05), draw=draw_eta_sweep
            ),
        ),
    )


def extra_gradient() -> Chart:
    """Centre and residual of the extra gradient as the loss has it, over steps.

    Figure 5c of the paper has both over the temperature of InfoNCE.
    """
    return Chart(
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
    )


def ranks() -> Chart:
    """Ranks of the fixed images by each definition, backbone and projector side by side."""
    definitions = (
        ("rank_me", "RankMe", False),
        ("centred_rank_me", "RankMe, centred", True),
        ("eigenvalue_rank", "eigenvalue rank", True),
        ("participation_ratio", "participation ratio", True),
        ("lidar", "LiDAR", True),
    )
    return Chart(
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
                (Line("ceiling", lines.space_rank_ceiling(space, centred=centred)),),
                log=True,
                limits=(0.9, None),
                title=space.capitalize(),
            )
            for key, name, centred in definitions
            for space in _SPACES
        ),
        columns=2,
    )


def spectra() -> Chart:
    """Eigenvalues of the covariance of the fixed images, first and last."""
    return Chart(
        "spectra",
        "Spectra of the fixed images",
        "Eigenvalues of the covariance as shares of their sum, in descending order: thin at the "
        "first look, thick at the last. A flat curve uses all dimensions; one that drops at once "
        "uses few (dimensional collapse). Values below 1e-12 are not drawn.",
        tuple(
            Panel(
                "share of the variance",
                partial(Run.spectra_of, space=space),
                log=True,
                title=space.capitalize(),
                draw=partial(draw_spectra, space=space),
            )
            for space in _SPACES
        ),
        columns=2,
    )


def shape_of_spectrum() -> Chart:
    """Area under the spectrum, and its exponent."""
    return Chart(
        "spectrum_shape",
        "Shape of the spectrum",
        "The area under the cumulated singular values is (1 + 1/D)/2 for a flat spectrum and 1 for "
        "one direction. Alpha is the exponent of λ_j ~ j^-α over the 11th to 100th eigenvalue: "
        "0 for a flat spectrum, steeper the higher; near 1 is said to go with good features.",
        (
            *(
                Panel(
                    "spectrum AUC",
                    of(f"{space}/auc"),
                    (Line("flat", lines.flat_auc(space)), Line("one direction", lambda run: 1.0)),
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
    )


def alignment_and_uniformity() -> Chart:
    """How near two views are, and how far apart all images."""
    return Chart(
        "alignment",
        "Alignment and uniformity",
        "Alignment is the mean squared distance of two views of an image: 0 where they agree, 2 "
        "for unrelated ones. Uniformity is the log of the mean of exp(-2 d²) over pairs of images: "
        "0 where all are one point, -4 where they fill a sphere of many dimensions. Good runs "
        "lower both; a collapse has both at 0.",
        (
            Panel("alignment", of("alignment"), (Line("unrelated views", lambda run: 2.0), _ZERO)),
            Panel(
                "uniformity",
                of("uniformity"),
                (Line("one point", lambda run: 0.0), Line("full sphere", lambda run: -4.0)),
            ),
        ),
    )


def length_and_drift() -> Chart:
    """Length of the projections before they are scaled, and how fast their centre turns."""
    return Chart(
        "length",
        "Length and drift",
        "The mean length of the projections before they are scaled to 1: the gradient on them is "
        "divided by it, so a length that grows without end slows training down. Drift is one less "
        "the cosine of the centre with that of the step before: small where the centre stands.",
        (
            Panel("mean length of z", of("norm"), limits=(0.0, None)),
            Panel("1 - cosine of two centres", _drift, log=True),
        ),
    )


def predictor_rate() -> Chart:
    """Learning rate of the predictor."""
    return Chart(
        "predictor_lr",
        "Learning rate of the predictor",
        "SimSiam keeps it constant while the others decay. Where it falls with the schedule though "
        "the config fixes it, the hook that resets it runs once an epoch and not at every step.",
        (Panel("learning rate", of("predictor_lr"), limits=(0.0, None)),),
    )


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


_FIGURES: tuple[Callable[[], Chart], ...] = (
    *(centre_and_residual, phase_portrait, deviation, covariance, batch_ranks),
    *(centre_in_extra_gradient, extra_gradient, ranks, spectra, shape_of_spectrum),
    *(alignment_and_uniformity, length_and_drift, predictor_rate),
)
