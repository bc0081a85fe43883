"""Panels that are not curves over steps: phase portrait, sweep over eta, spectra."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mmdense.records.plots import PAPER, QUIET
from mmdense.report.charts import DOTTED, Points, styled
from mmdense.report.collapse.runs import Run

_LEAST = 1e-12  # smallest fraction of the variance that is drawn
_ETAS = [number / 50 for number in range(-50, 51)]


def phase(run: Run) -> Points:
    """Return (m_o, m_r) at every step that has both, including NaN."""
    residual = dict(run.curve("m_r"))
    return [(m_o, residual[step]) for step, m_o in run.curve("m_o") if step in residual]


def draw_phase(axes: Axes, runs: Sequence[Run]) -> None:
    """Draw m_r over m_o in the quarter circle, with a ring at the start and a dot at the end."""
    angles = np.linspace(0.0, math.pi / 2, 100)
    axes.plot(np.cos(angles), np.sin(angles), **DOTTED)
    for text, place, sides in (
        ("healthy", (0.03, 0.9), ("left", "top")),
        ("collapsed", (0.9, 0.03), ("right", "bottom")),
    ):
        axes.annotate(text, place, ha=sides[0], va=sides[1], fontsize=9, color=QUIET)
    for run, colour, dash in styled(runs):
        points = np.asarray(phase(run), dtype=float).reshape(-1, 2)
        axes.plot(points[:, 0], points[:, 1], color=colour, linestyle=dash, linewidth=1.8)
        known = points[np.isfinite(points).all(axis=1)]
        if len(known):
            ring: Any = {
                "markerfacecolor": PAPER,
                "markeredgecolor": colour,
                "markeredgewidth": 1.8,
            }
            axes.plot(*known[0], "o", markersize=8, **ring, zorder=4)
            axes.plot(*known[-1], "o", color=colour, markersize=8, zorder=5)
    axes.set(xlabel="m_o, centre", xlim=(0.0, 1.06))
    axes.set_aspect("equal")


def last_shares(run: Run) -> Points:
    """Return the last (eta_p, eta_z) that are both finite, or an empty list."""
    other = dict(run.curve("eta_z"))
    both = [(share, other.get(step, math.nan)) for step, share in run.curve("eta_p")]
    return [pair for pair in both if all(map(math.isfinite, pair))][-1:]


def draw_eta_sweep(axes: Axes, runs: Sequence[Run]) -> None:
    """Draw cos(o_e - eta o_p, o_p) over eta, with a dot at eta_p."""
    axes.axhline(0.0, **DOTTED)
    for run, colour, dash in styled(runs):
        for eta_p, eta_z in last_shares(run):
            cosines = cosine_without_centre(eta_p, eta_z, _ETAS)
            axes.plot(_ETAS, cosines, color=colour, linestyle=dash, linewidth=1.8)
            axes.plot(eta_p, 0.0, "o", color=colour, markersize=7)
    axes.set(xlabel="eta", xlim=(-1.0, 1.0), xticks=[-1.0, -0.5, 0.0, 0.5, 1.0])


def cosine_without_centre(eta_p: float, eta_z: float, etas: Sequence[float]) -> list[float]:
    """Return ``cos(o_e - eta o_p, o_p)`` for each eta, with ``o_e = o_z - o_p``.

    This is figure 5a of the paper (arXiv:2203.16262, section 4.2), where the curve is zero at
    eta_p. The components ``eta_p = (o_z - o_p) . o_p / |o_p|^2`` and
    ``eta_z = (o_p - o_z) . o_z / |o_z|^2`` determine the curve: with |o_p| = 1, eta_p is
    ``o_z . o_p - 1``, so the lengths and the product of both centres are known.

    For mirror SimSiam, with ``o_e = o_p - o_z`` and the centre ``o_z``, exchange the components.

    Args:
        eta_p: Component of o_e along o_p.
        eta_z: Component of ``o_p - o_z`` along o_z.
        etas: Weights of the centre that is subtracted.

    Returns:
        Cosines; NaN if the centres are orthogonal or the difference is zero.
    """
    if not (math.isfinite(eta_p) and math.isfinite(eta_z)) or 1.0 + eta_z == 0.0:
        return [math.nan] * len(etas)
    product = 1.0 + eta_p  # o_z . o_p, in units of |o_p|^2
    square = max(0.0, product / (1.0 + eta_z) + 1.0 - 2.0 * product)  # |o_e|^2
    found = []
    for eta in etas:
        rest = square - 2.0 * eta * eta_p + eta * eta  # |o_e - eta o_p|^2
        cosine = max(-1.0, min(1.0, (eta_p - eta) / math.sqrt(max(rest, 1e-24))))
        found.append(cosine if rest > 1e-24 else math.nan)
    return found


def draw_spectra(axes: Axes, runs: Sequence[Run], space: str) -> None:
    """Draw the fractions of the variance, the first reading thin and the last one thick."""
    for run, colour, dash in styled(runs):
        readings = run.spectra_of(space)
        for chosen, width, alpha in ((readings[:1], 1.0, 0.6), (readings[-1:], 2.2, 1.0)):
            for spectrum in chosen:
                values = np.asarray(spectrum["values"], dtype=float)
                shares = values / max(float(values.sum()), 1e-300)
                shares = np.where(shares > _LEAST, shares, np.nan)
                index = np.arange(1, len(shares) + 1)
                axes.plot(index, shares, color=colour, linestyle=dash, linewidth=width, alpha=alpha)
    axes.set_xlabel("index of the eigenvalue")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
