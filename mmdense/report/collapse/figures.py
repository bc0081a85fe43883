"""Figures on collapse, with their explanations and reference lines.

Symbols: M vectors of a batch (all views of its B images), N fixed images, D channels.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from mmdense.collapse.decompose import collapse_level
from mmdense.collapse.decorrelation import decorrelation_ceiling, decorrelation_floor
from mmdense.collapse.readings import ROWS
from mmdense.collapse.spectrum import rank_ceiling
from mmdense.report.charts import Chart, Line, Panel, Points, of, with_content
from mmdense.report.collapse.phase_and_spectra import (
    draw_eta_sweep,
    draw_phase,
    draw_spectra,
    last_shares,
    phase,
)
from mmdense.report.collapse.runs import Run


def charts_of(runs: Sequence[Run]) -> list[Chart]:
    """Return the figures and panels for which at least one run has readings."""
    return with_content(_FIGURES, runs)


def _line(text: str, value: Callable[[Mapping[str, Any]], float]) -> Line:
    """Return a reference line computed from the facts of a run; None if a fact is missing."""

    def known(run: Run) -> float | None:
        try:
            return value(run.facts)
        except (KeyError, TypeError):  # files of older versions have fewer facts
            return None

    return Line(text, known)


def _batch_rank_ceiling(facts: Mapping[str, Any]) -> float:
    """Return min(B - 1, D), with at most ROWS images."""
    return rank_ceiling(min(facts["batch"], ROWS), facts["channels"], centred=True)


def _batch_rank_limit(facts: Mapping[str, Any]) -> float:
    """Return the rank below which the verdict is a dimensional collapse."""
    limits = facts["limits"]
    return max(limits["rank"] * _batch_rank_ceiling(facts), limits["least_rank"])


def _space_ceiling(space: str, *, centred: bool) -> Line:
    """Return the line at min(N, D), or min(N - 1, D) for centred features, of a space."""

    def ceiling(facts: Mapping[str, Any]) -> float:
        sizes = facts["spaces"][space]
        return rank_ceiling(sizes["images"], sizes["channels"], centred=centred)

    return _line("ceiling", ceiling)


def _flat_area(space: str) -> Line:
    """Return the line at the area under a flat spectrum of a space."""
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
_ZERO, _POINT = (_line(text, lambda facts: 0.0) for text in ("", "one point"))
_UNRELATED = _line("unrelated views", lambda facts: 2.0)
_SPHERE = _line("full sphere", lambda facts: -4.0)
_ONE_DIRECTION = _line("one direction", lambda facts: 1.0)
_LIMIT = _line("limit of a complete collapse", lambda facts: facts["limits"]["centre"])
_FLOOR = _line("floor 1/√M", lambda facts: facts["centre_floor"])
_UNIFORM = _line("ln K", lambda facts: math.log(facts["prototypes"]["entropy"]))
_UNIFORM_PATCHES = _line("ln K", lambda facts: math.log(facts["prototypes"]["patch_entropy"]))
_DEVIATION = _line("ceiling 1/√D", lambda facts: 1.0 / math.sqrt(facts["channels"]))
_COVARIANCE = (
    _line("floor 1/(B D)", lambda facts: decorrelation_floor(facts["batch"], facts["channels"])),
    _line("ceiling 1/D", lambda facts: decorrelation_ceiling(facts["channels"])),
)
_BATCH_CEILING = _line("ceiling", _batch_rank_ceiling)
_BATCH_LIMIT = _line("limit", _batch_rank_limit)
_RANKS = {  # ranks of the fixed images: title, and whether features are centred
    "rank_me": ("RankMe", False),
    "centred_rank_me": ("RankMe, centred", True),
    "eigenvalue_rank": ("eigenvalue rank", True),
    "participation_ratio": ("participation ratio", True),
    "lidar": ("LiDAR", True),
}


def _rank(label: str, name: str, *lines: Line, space: str = "") -> Panel:
    """Return a panel of a rank, on a logarithmic axis."""
    limits = (0.9, None)
    return Panel(label, of(name), lines, log=True, limits=limits, title=space.capitalize())


# Figures of the paper are those of arXiv:2203.16262.
_FIGURES = (
    # Figures 4, 5b and 6 of the paper.
    Chart(
        "centre",
        "Centre and residual",
        "m_o is the length of the mean of all unit projections (the centre). m_r is the mean "
        "length of the residuals, the projections minus the centre. Healthy: m_o low, m_r near 1. "
        "Complete collapse: m_o 1, m_r 0. The floor 1/√M is m_o of M independent directions; "
        "values below it have no meaning. A last BatchNorm without affine weights keeps m_o low "
        "for any input; then use m_o before the last BatchNorm. A vertical line in the colour of a "
        "run shows where its loss changes, with the name of the new head.",
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
        "m_r over m_o during training, from the ring (start) to the dot (end). A run stays inside "
        "the quarter circle m_o² + m_r² = 1. The top left corner is healthy, the bottom right "
        "corner is collapsed. The further inside the circle a run is, the more the lengths of the "
        "residuals differ between images.",
        (Panel("m_r, residual", phase, limits=(0.0, 1.06), draw=draw_phase),),
    ),
    Chart(
        "assignments",
        "Assignments to prototypes",
        "Entropy of the teacher's assignments and divergence of the student from them, in nats, of "
        "methods with prototypes. Healthy: the entropy is between 0 and ln K, and the divergence "
        "is above 0. Complete collapse: the entropy stays at ln K and the divergence near 0, "
        "because every input is assigned to all K prototypes alike. m_o of the patches is near 1 "
        "if all patches have the same direction.",
        (
            Panel("entropy", of("entropy"), (_UNIFORM,), limits=(0.0, None)),
            Panel("divergence", of("kl"), limits=(0.0, None)),
            Panel("entropy, patches", of("patch_entropy"), (_UNIFORM_PATCHES,), limits=(0.0, None)),
            Panel("divergence, patches", of("patch_kl"), limits=(0.0, None)),
            Panel("m_o of the patches", of("patch_m_o"), limits=(0.0, 1.03)),
        ),
    ),
    Chart(
        "deviation",
        "Standard deviation and collapse level",
        "std is the standard deviation of each channel of the unit projections, averaged over the "
        "channels. It is 1/√D for vectors distributed over the whole sphere. The collapse level is "
        "max(0, 1 - √D std): 0 is healthy, 1 is collapsed. Neither detects channels that repeat "
        "each other: check the ranks, too.",
        (
            Panel("std of a channel", of("std"), (_DEVIATION,), limits=(0.0, None)),
            Panel("collapse level", _collapse_level, limits=(-0.02, 1.03)),
        ),
    ),
    Chart(
        "covariance",
        "Correlation of the channels",
        "The sum of the squared covariances of a channel with all others, averaged over the "
        "channels. The floor 1/(B D) is the value of B independent directions, the ceiling 1/D the "
        "value of vectors on one line. A value far below the floor indicates a collapse: if all "
        "vectors are equal, all covariances are zero.",
        (Panel("off-diagonal covariance", of("covariance"), _COVARIANCE, log=True),),
    ),
    Chart(
        "batch_ranks",
        "Ranks in a batch",
        "The number of dimensions that the projections of a training batch use: from the entropy "
        "of the eigenvalues, and as participation ratio (Σλ)²/Σλ². Both subtract the centre, so "
        "the rank can be high in a complete collapse, because the residuals are noise. The third "
        "panel shows the rank of the predictions P minus the rank of the projections Z. Methods "
        "that do not collapse keep a gap.",
        (
            _rank("rank (eigenvalues)", "rank", _BATCH_LIMIT, _BATCH_CEILING),
            _rank("participation ratio", "participation_ratio", _BATCH_CEILING),
            Panel("rank of P - rank of Z", of("rank_gap"), (_ZERO,)),
        ),
    ),
    # Figure 5a of the paper.
    Chart(
        "eta",
        "Centre in the extra gradient",
        "SimSiam adds o_z - o_p to the gradient that pulls two views together. eta_p is its "
        "component along o_p: a negative eta_p pushes predictions away from their centre (about "
        "-0.44 in the paper). Mirror SimSiam adds o_p - o_z. eta_z is its component along o_z: a "
        "positive eta_z pushes towards the collapse (about +0.18 in the paper). The third panel "
        "shows the cosine over eta at the last reading; it is zero at eta = eta_p. Both components "
        "decrease to zero when a run collapses.",
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
        "The gradient of the loss minus the gradient that pulls two views together, in units of "
        "the latter. Its centre o_e can move the centre of the vectors; r_e is its residual. If "
        "both are zero, nothing prevents collapse. If the cosine is positive, r_e also makes the "
        "channels less correlated.",
        (
            Panel("|o_e|", of("o_e"), limits=(0.0, None)),
            Panel("mean |r_e|", of("r_e"), limits=(0.0, None)),
            Panel("cosine of r_e with de-correlation", of("r_e_decorrelates"), (_ZERO,)),
        ),
    ),
    Chart(
        "ranks",
        "Ranks of the fixed images",
        "Several definitions of the effective rank, for the same images at every epoch in eval "
        "mode. The ceiling is min(N, D), or min(N - 1, D) after subtracting the mean. If RankMe is "
        "far below centred RankMe, the centre is long. If both are low, the features use few "
        "dimensions. Compare runs of one method only, and backbones with backbones only.",
        tuple(
            _rank(name, f"{space}/{key}", _space_ceiling(space, centred=centred), space=space)
            for key, (name, centred) in _RANKS.items()
            for space in _SPACES
        ),
        columns=2,
    ),
    Chart(
        "spectra",
        "Spectra of the fixed images",
        "Eigenvalues of the covariance as fractions of their sum, in descending order. The thin "
        "line is the first reading, the thick line the last. A flat curve means that all "
        "dimensions are used. A steep curve means that few are used (dimensional collapse). Values "
        "below 1e-12 are not drawn.",
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
        "The area under the cumulative singular values is (1 + 1/D)/2 for a flat spectrum and 1 "
        "for one direction. Alpha is the exponent of λ_j ~ j^-α over the 11th to 100th eigenvalue: "
        "it is 0 for a flat spectrum and higher for a steeper one. Publications report values near "
        "1 for good features.",
        tuple(
            Panel(label, of(f"{space}/{key}"), lines(space), title=space.capitalize())
            for label, key, lines in (
                ("spectrum AUC", "auc", lambda space: (_flat_area(space), _ONE_DIRECTION)),
                ("alpha-ReQ", "alpha_req", lambda space: ()),
            )
            for space in _SPACES
        ),
        columns=2,
    ),
    Chart(
        "alignment",
        "Alignment and uniformity",
        "Alignment is the mean squared distance between two views of an image: 0 if they are "
        "equal, 2 if they are unrelated. Uniformity is the log of the mean of exp(-2 d²) over "
        "pairs of images: 0 if all features are equal, -4 if they are uniform on a sphere of many "
        "dimensions. Both decrease in a healthy run, and both are 0 in a collapse.",
        (
            Panel("alignment", of("alignment"), (_UNRELATED, _ZERO)),
            Panel("uniformity", of("uniformity"), (_POINT, _SPHERE)),
        ),
    ),
    Chart(
        "length",
        "Length and drift",
        "The mean length of the projections before normalization. The gradient is divided by it, "
        "so a growing length slows down training. The drift is 1 minus the cosine between the "
        "centres of two successive readings. It is small if the direction of the centre does not "
        "change.",
        (
            Panel("mean length of z", of("norm"), limits=(0.0, None)),
            Panel("1 - cosine of two centres", _drift, log=True),
        ),
    ),
    Chart(
        "predictor_lr",
        "Learning rate of the predictor",
        "SimSiam keeps the learning rate of the predictor constant while the others decay. If it "
        "decreases although the config fixes it, the hook that resets it runs once per epoch "
        "instead of at every step.",
        (Panel("learning rate", of("predictor_lr"), limits=(0.0, None)),),
    ),
)
