"""The figures of the collapse report that show fixed images, epoch by epoch.

Letters: N images, D channels.
"""

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes

from mmdense.collapse.report import reference_lines as lines
from mmdense.collapse.report.portraits import draw_spectra
from mmdense.collapse.report.runs import Run
from mmdense.report.panels import Chart, Line, Panel, of

__all__ = ["ranks", "shape_of_spectrum", "spectra"]

_SPACES = ("backbone", "projector")


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
                _spectra_of(space),
                log=True,
                title=space.capitalize(),
                draw=_draw_spectra_of(space),
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


def _spectra_of(space: str) -> Callable[[Run], Sequence[Any]]:
    return lambda run: run.spectra_of(space)


def _draw_spectra_of(space: str) -> Callable[[Axes, Sequence[Run]], None]:
    return lambda axes, runs: draw_spectra(axes, runs, space)
