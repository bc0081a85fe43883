"""Plots of curves, scores and recall as PNGs, and their style."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, MultipleLocator

from mmdense.checkpoints.atomic_backend import atomic_file

# Based on the colours of Okabe and Ito, which colour-blind readers can distinguish, but darker.
COLOURS = (
    *("#0072B2", "#C65300", "#00845F", "#B0568F"),
    *("#000000", "#B97A00", "#7A5C3E", "#2E93CB"),
)
INK, QUIET, GRID, PAPER = "#1F2328", "#626A73", "#DDDDDD", "#FFFFFF"
#: Style of matplotlib for all plots: a pale grid and two axes without a frame.
STYLE: Any = {
    **{f"axes.spines.{side}": False for side in ("top", "right")},
    **{"axes.edgecolor": INK, "axes.labelcolor": INK, "axes.titlecolor": INK},
    **{"axes.grid": True, "axes.axisbelow": True, "grid.color": GRID, "grid.linewidth": 0.7},
    **{"axes.labelsize": 10, "axes.titlesize": 10.5, "axes.titlelocation": "left"},
    **{f"{axis}tick.{what}": INK for axis in "xy" for what in ("color", "labelcolor")},
    **{f"{axis}tick.labelsize": 9 for axis in "xy"},
    **{"legend.frameon": False, "legend.labelcolor": INK, "legend.fontsize": 10},
    **{"figure.constrained_layout.use": True, "savefig.dpi": 150, "savefig.facecolor": PAPER},
}
_FEW = 30  # points at most of a curve that is drawn with dots and without smoothing
_SMOOTHING = 0.05  # width of the running mean, as a fraction of the length of the curve


@mpl.rc_context(STYLE)
def plot_curves(
    curves_by_run: Mapping[str, Mapping[str, Sequence[Sequence[float]]]],
    keys: Sequence[str],
    path: str | Path,
    *,
    labels: Mapping[str, str] | None = None,
) -> Path:
    """Draw one panel for each key with a line for each run that has it, as a PNG.

    A short curve has a dot for each value. A long one is drawn as a running mean over 5 % of its
    length, and its values as a pale line. Values that are not finite leave a gap.

    Args:
        curves_by_run: ``{run: {key: [[step, value], ...]}}``, as records have them.
        keys: Curves to draw, such as ``train/loss``.
        path: File to write.
        labels: Axis titles with units; by default the key.

    Raises:
        ValueError: No run has one of the keys.
    """
    for key in keys:
        if not any(curves.get(key) for curves in curves_by_run.values()):
            known = sorted({k for curves in curves_by_run.values() for k in curves if curves[k]})
            raise ValueError(f"no run has the curve {key!r}; there are {', '.join(known)}")
    figure = Figure(figsize=(5.6 * len(keys), 3.6))
    for axes, key in zip(np.atleast_1d(figure.subplots(1, len(keys))), keys):
        for colour, (run, curves) in zip(_cycle(len(curves_by_run)), curves_by_run.items()):
            if curves.get(key):
                _draw(axes, curves[key], run, colour)
        axes.set(xlabel="training iteration", ylabel=(labels or {}).get(key, key))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        if len(curves_by_run) > 1:
            axes.legend()
        else:
            axes.set_title(next(iter(curves_by_run)))
    return _write(figure, path)


@mpl.rc_context(STYLE)
def plot_scores(
    scores: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]], path: str | Path
) -> Path:
    """Draw variants of studies side by side, as a PNG: a panel for each metric.

    A variant is a row with a mark for each study: the mean over the seeds, the standard deviation
    as an error bar, and a dot for each seed.

    Args:
        scores: ``{metric: {study: {variant: scores of its seeds}}}``.
        path: File to write.

    Raises:
        ValueError: There are no scores.
    """
    panels = list(scores.values())
    rows = list(dict.fromkeys(v for panel in panels for by in panel.values() for v in by))
    if not rows:
        raise ValueError("there are no scores to draw")
    studies = list(dict.fromkeys(study for panel in panels for study in panel))
    size = (2.6 + 3.4 * len(panels), 1.4 + (0.25 + 0.2 * len(studies)) * len(rows))
    figure = Figure(figsize=size)
    grid = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
    for axes, (metric, panel) in zip(grid, scores.items()):
        for number, (study, colour) in enumerate(zip(studies, _cycle(len(studies)))):
            shift = 0.5 * ((number + 0.5) / len(studies) - 0.5)
            _draw_scores(axes, panel.get(study, {}), rows, shift, colour, study)
        axes.set(xlabel=metric)
        axes.yaxis.set_major_locator(FixedLocator(range(len(rows))))
        axes.set_yticklabels(rows)
    grid[0].set_ylim(len(rows) - 0.5, -0.5)
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside upper left")
    return _write(figure, path)


@mpl.rc_context(STYLE)
def plot_recall(
    curves: Mapping[str, Mapping[str, Any]], path: str | Path, *, budget: int, size: str = "all"
) -> Path:
    """Draw recall over IoU and average recall over the number of proposals, as a PNG.

    Args:
        curves: Return value of :func:`~mmdense.evaluation.recall.recall_curves` for each name of
            the legend.
        path: File to write.
        budget: Number of proposals per image for the recall over IoU.
        size: Size of the objects, a name of :data:`~mmdense.evaluation.recall.AREAS`.

    Raises:
        ValueError: There are no objects of this size, or no curve at this budget.
    """
    for name, one in curves.items():
        by_size = one["over_iou"]["recall"]
        if size not in by_size:
            raise ValueError(f"{name}: no objects of size {size!r}; there are {', '.join(by_size)}")
        if str(budget) not in by_size[size]:
            raise ValueError(
                f"{name}: no curve at {budget} proposals; there are {[*by_size[size]]}"
            )
    figure = Figure(figsize=(10.6, 3.9))
    left, right = figure.subplots(1, 2)
    for number, (name, one) in enumerate(curves.items()):
        style: dict[str, Any] = {"color": COLOURS[number % len(COLOURS)], "marker": "o"}
        style |= {"markersize": 4, "clip_on": False, "zorder": 3}  # do not clip dots at 0 and 1
        over_iou, over_number = one["over_iou"], one["over_proposals"]
        left.plot(over_iou["iou"], over_iou["recall"][size][str(budget)], label=name, **style)
        right.plot(over_number["proposals"], over_number["average_recall"][size], **style)
    of = "objects" if size == "all" else f"{size} objects"
    left.set(xlabel="IoU threshold", ylabel=f"recall of {of}")
    right.set(xlabel="proposals per image", ylabel=f"average recall of {of}")
    for axes, title in ((left, f"{budget} proposals per image"), (right, "IoU 0.5 to 0.95")):
        axes.set_ylim(0, 1)
        axes.set_title(title)
    left.xaxis.set_major_locator(MultipleLocator(0.1))
    right.set_xscale("log")
    right.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,.0f}"))
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside lower center", ncols=min(len(curves), 4)
    )
    return _write(figure, path)


def _cycle(count: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(count)]


def _draw(axes: Axes, curve: Sequence[Sequence[float]], run: str, colour: str) -> None:
    steps, values = np.asarray(curve, dtype=float).T
    values = np.where(np.isfinite(values), values, np.nan)
    if len(values) <= _FEW:
        axes.plot(steps, values, color=colour, label=run, linewidth=1.8, marker="o", markersize=4)
        return
    axes.plot(steps, values, color=colour, linewidth=0.8, alpha=0.25)
    axes.plot(steps, _running_mean(values), color=colour, label=run, linewidth=2)


def _draw_scores(
    axes: Axes,
    scores: Mapping[str, Sequence[float]],
    rows: Sequence[str],
    shift: float,
    colour: str,
    label: str,
) -> None:
    """Draw one study in one panel, with its variants slightly above or below their rows."""
    drawn = {rows.index(row) + shift: scores[row] for row in rows if scores.get(row)}
    means = [float(np.mean(of_seeds)) for of_seeds in drawn.values()]
    spreads = [float(np.std(s, ddof=1)) if len(s) > 1 else 0 for s in drawn.values()]
    look: dict[str, Any] = {"color": colour, "linestyle": "none", "marker": "o"}
    axes.errorbar(means, list(drawn), xerr=spreads, label=label, capsize=3, markersize=5, **look)
    for place, of_seeds in drawn.items():
        axes.plot(of_seeds, [place] * len(of_seeds), markersize=3, alpha=0.35, **look)


def _running_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over a centred window, which is shorter at the ends; NaN if it has a NaN."""
    half = max(1, round(len(values) * _SMOOTHING / 2))
    windows = [values[max(0, i - half) : i + half + 1] for i in range(len(values))]
    return np.array([window.mean() for window in windows])


def _write(figure: Figure, path: str | Path) -> Path:
    """Write a PNG atomically and return its path; its folder is created."""
    with atomic_file(path) as file:
        figure.savefig(file, format="png")
    return Path(path)
