"""The figures of the collapse report, one function each; how to read them stands beside them.

Letters: M vectors of a batch, B images of it, N fixed images, D channels.
"""

import math
from collections.abc import Callable, Sequence

from mmdense.collapse.decompose import collapse_level
from mmdense.collapse.report import reference_lines as lines
from mmdense.collapse.report.fixed_image_figures import ranks, shape_of_spectrum, spectra
from mmdense.collapse.report.portraits import draw_eta_sweep, draw_phase, last_shares, phase
from mmdense.collapse.report.runs import Points, Run
from mmdense.report.panels import Chart, Line, Panel, of

__all__ = ["charts_of"]

_ZERO: Line[Run] = Line("", lambda run: 0.0)
_RANKS = (0.9, None)  # no rank is below one


def charts_of(runs: Sequence[Run]) -> list[Chart]:
    """The figures for which at least one run has readings, without the panels that none has."""
    found = []
    for make in _FIGURES:
        chart = make()
        panels = tuple(panel for panel in chart.panels if any(panel.points(run) for run in runs))
        if panels:
            found.append(
                Chart(chart.name, chart.title, chart.reading, panels, columns=chart.columns)
            )
    return found


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
