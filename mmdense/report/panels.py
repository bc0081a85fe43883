"""Panels of a report: curves of several runs with the lines that give them a meaning.

A panel is drawn beside its neighbours in a PNG, or alone as an SVG whose colours the page decides,
so that it stands in light and dark and under each other on a phone.
"""

import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from mmdense.records.plots import COLOURS as OTHER_PLOTS
from mmdense.records.plots import GRID, INK, dress_axes
from mmdense.report.marks import ON_PAPER, draw_marks
from mmdense.report.svg_of_page import for_page

__all__ = [
    "COLOURS",
    "DASHES",
    "Chart",
    "HasCurves",
    "Line",
    "Panel",
    "Points",
    "draw_curve",
    "dress",
    "of",
    "panel_svgs",
    "style_of",
    "styled",
    "write_png",
]

# Told apart by colour-blind readers; the dashes tell them apart on a black-and-white print.
# Those of the other plots, the second blue last, and a brown.
COLOURS = (*(OTHER_PLOTS[place] for place in (0, 1, 2, 3, 6, 5)), "#7A5C3E", OTHER_PLOTS[4])
DASHES: tuple[Any, ...] = (
    *("solid", (0, (5, 2)), (0, (1.2, 1.4)), (0, (7, 2, 1.5, 2)), (0, (2.5, 1.2))),
    *((0, (9, 2, 1.5, 2, 1.5, 2)), (0, (10, 4)), (0, (1.2, 3.5))),
)
QUIET, PAPER = "#6F6F6F", "#FFFFFF"
_THEME = {INK: "--ink", QUIET: "--quiet", GRID: "--grid", PAPER: "--card"}
_SIZE = (4.4, 3.3)  # inches, of a panel
_DPI = 150
_FEW = 15  # points of a curve that are drawn with a dot each
# Words stay words, and one record gives one page, byte for byte.
_SVG: Any = {"svg.fonttype": "none", "font.family": "sans-serif", "svg.hashsalt": "mmdense"}

Points = Sequence[tuple[float, float]]  # (step, value); the value may be NaN


class HasCurves(Protocol):
    """What can be drawn: it has a name and curves."""

    @property
    def name(self) -> str:
        """For the legend."""

    def curve(self, name: str) -> Points:
        """Empty where there is no such curve."""


R = TypeVar("R", bound=HasCurves)


@dataclass(frozen=True)
class Line(Generic[R]):
    """A floor, a ceiling or a limit: its name, if any, and where it lies for a run, if known."""

    text: str
    value: Callable[[R], float | None]


@dataclass(frozen=True)
class Panel(Generic[R]):
    """One plot.

    Attributes:
        label: Title of the vertical axis.
        points: The curve of a run, empty where it has none.
        lines: Of reference.
        log: Whether the vertical axis is logarithmic.
        limits: Of the vertical axis, each where it is fixed.
        title: Above the panel.
        draw: Draws something else than curves; then ``points`` only tell whether there is anything.
        marks: Steps of a run at which something began, and what.
        key: The curve's name in a record, where the label says it in other words.
    """

    label: str
    points: Callable[[R], Sequence[Any]]
    lines: tuple[Line[R], ...] = ()
    log: bool = False
    limits: tuple[float | None, float | None] = (None, None)
    title: str = ""
    draw: Callable[[Axes, Sequence[R]], None] | None = None
    marks: Callable[[R], Sequence[tuple[float, str]]] = lambda run: ()
    key: str = ""


@dataclass(frozen=True)
class Chart(Generic[R]):
    """Panels that are read together.

    Attributes:
        name: Of its file.
        title: Of its section.
        reading: How to read it, and what floor and ceiling are.
        panels: In rows of ``columns``.
    """

    name: str
    title: str
    reading: str
    panels: tuple[Panel[R], ...]
    columns: int = field(default=3)


def of(name: str) -> Callable[[HasCurves], Points]:
    """The curve of that name."""
    return lambda run: run.curve(name)


def write_png(chart: Chart[R], runs: Sequence[R], folder: Path) -> Path:
    """Draw all panels of a chart, with a legend where there are several runs."""
    columns = min(chart.columns, len(chart.panels))
    rows = math.ceil(len(chart.panels) / columns)
    width = _SIZE[0] * columns
    names = max(1, min(4, int(width / (0.09 * max(len(run.name) for run in runs) + 0.9))))
    legend_height = 0.15 + 0.24 * math.ceil(len(runs) / names)
    figure = Figure(figsize=(width, _SIZE[1] * rows + legend_height), layout="constrained")
    FigureCanvasAgg(figure)
    grid = np.atleast_1d(figure.subplots(rows, columns)).flatten()
    for axes in grid[len(chart.panels) :]:
        axes.axis("off")
    for axes, panel in zip(grid, chart.panels):
        _draw(axes, panel, runs)
    handles = [
        Line2D([], [], color=colour, linestyle=dash, linewidth=2, label=run.name)
        for run, colour, dash in styled(runs)
    ]
    figure.legend(
        handles=handles, loc="outside upper left", ncols=names, frameon=False,
        labelcolor=INK, fontsize=10, handlelength=3.2,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{chart.name}.png"
    figure.savefig(path, dpi=_DPI, facecolor=PAPER)
    return path


def panel_svgs(chart: Chart[R], runs: Sequence[R]) -> list[str]:
    """Each panel as the text of an ``<svg>``, with colours by CSS variables and without legend.

    The variables are ``--ink``, ``--quiet``, ``--grid``, ``--card`` and ``--run-0`` onwards.
    """
    found = []
    variables = _THEME | {colour: f"--run-{number}" for number, colour in enumerate(COLOURS)}
    for number, panel in enumerate(chart.panels):
        figure = Figure(figsize=_SIZE, layout="constrained")
        _draw(figure.subplots(), panel, runs)
        buffer = io.StringIO()
        with mpl.rc_context(_SVG):
            figure.savefig(buffer, format="svg", transparent=True)
        found.append(for_page(buffer.getvalue(), f"{chart.name}-{number}", variables))
    return found


def dress(axes: Axes, label: str, *, across: str = "training iteration") -> None:
    """As :func:`~mmdense.records.plots.dress_axes`, with larger numbers at the ticks."""
    dress_axes(axes, label, across=across)
    axes.tick_params(labelsize=9.5)


def draw_curve(axes: Axes, points: Points, colour: str, dash: Any) -> None:
    """A line with gaps where values are not finite, and a cross at the last one before a gap.

    Short curves, and single values between gaps, have dots.
    """
    steps, values = np.asarray(points, dtype=float).T
    known = np.isfinite(values)
    values = np.where(known, values, np.nan)
    axes.plot(steps, values, color=colour, linestyle=dash, linewidth=1.8)
    before, after = np.roll(known, 1), np.roll(known, -1)
    before[0] = after[-1] = False
    lonely = known & ~before & ~after
    dots = known if len(points) <= _FEW else lonely
    axes.plot(steps[dots], values[dots], "o", color=colour, markersize=3.6)
    ends = known & ~after
    ends[-1] = False
    axes.plot(steps[ends], values[ends], "X", color=colour, markersize=8, markeredgecolor=PAPER)


def styled(runs: Sequence[R]) -> list[tuple[R, str, Any]]:
    """Each run with its colour and its dashes."""
    return [(run, *style_of(number)) for number, run in enumerate(runs)]


def style_of(number: int) -> tuple[str, Any]:
    """Colour and dashes of a run by its place; where colours begin again, dashes are others."""
    rounds = number // len(COLOURS)
    return COLOURS[number % len(COLOURS)], DASHES[(number + rounds) % len(DASHES)]


def _draw(axes: Axes, panel: Panel[R], runs: Sequence[R]) -> None:
    if panel.log:
        axes.set_yscale("log")
    if panel.draw is not None:
        panel.draw(axes, runs)
    else:
        for run, colour, dash in styled(runs):
            if points := panel.points(run):
                draw_curve(axes, list(points), colour, dash)
        dress(axes, panel.label)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_title(panel.title, color=INK, fontsize=10.5, loc="left")
    drawn = [run for run in runs if panel.points(run)]
    names = [name for line in panel.lines for name in _draw_line(axes, line, drawn)]
    axes.set_ylim(*panel.limits)
    if panel.log:
        axes.set_ylim(top=axes.get_ylim()[1] * 2.0)  # room for the name of a ceiling
        _name_powers(axes)
    elif names and panel.limits[1] is None:
        low, high = axes.get_ylim()
        axes.set_ylim(top=high + 0.15 * (high - low))
    _place_names(axes, names)
    known = [(run, colour) for run, colour, _ in styled(runs) if panel.points(run)]
    draw_marks(axes, [(panel.marks(run), colour) for run, colour in known])


def _name_powers(axes: Axes) -> None:
    """1, 2, 5, 10 on a short logarithmic axis, powers of ten on a long one."""
    low, high = axes.get_ylim()
    subdivided = math.log10(high / low) < 3.0
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if subdivided else (1.0,)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.yaxis.set_minor_locator(NullLocator())


def _short(value: float) -> str:
    """Three digits, and no zero before those of an exponent."""
    return re.sub(r"e([-+])0", r"e\1", f"{value:.3g}")


def _draw_line(axes: Axes, line: Line[R], runs: Sequence[R]) -> list[Annotation]:
    """One line where all runs agree, else one for each value; named once."""
    places = sorted({value for run in runs if (value := line.value(run)) is not None})
    for place in places:
        axes.axhline(place, color=QUIET, linewidth=1.1, linestyle=(0, (1, 2)), zorder=1)
    if not places or not line.text:
        return []
    text = f"{line.text} = {_short(places[0])}" if len(places) == 1 else f"{line.text}, by run"
    name = axes.annotate(
        text, (1.0, places[-1]), xycoords=axes.get_yaxis_transform(), xytext=(0, 3),
        textcoords="offset points", ha="right", va="bottom", fontsize=9, color=QUIET,
        bbox=ON_PAPER,
    )  # fmt: skip
    name.set_in_layout(False)
    return [name]


def _place_names(axes: Axes, names: Sequence[Annotation]) -> None:
    """Names of lines near the upper end of the axis stand below their line."""
    axes.set_ylim(axes.get_ylim())
    for name in names:
        place = axes.transData.transform((0.0, name.xy[1]))
        if axes.transAxes.inverted().transform(place)[1] > 0.9:
            name.set_position((0, -3))
            name.set_verticalalignment("top")
