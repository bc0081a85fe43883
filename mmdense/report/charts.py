"""Charts of the HTML report: panels with curves of several runs and reference lines.

A panel is drawn alone as an SVG, which the HTML report embeds as an image, or with the other panels
of its chart in a PNG. In dark mode, the report inverts the lightness of the images
(``style.css``).
"""

import base64
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from mmdense.records.plots import COLOURS, PAPER, QUIET, STYLE

# In black-and-white prints the dashes distinguish the lines.
DASHES: tuple[tuple[float, ...], ...] = (
    *((), (5, 2), (1.2, 1.4), (7, 2, 1.5, 2), (2.5, 1.2)),
    *((9, 2, 1.5, 2, 1.5, 2), (10, 4), (1.2, 3.5)),
)
DOTTED: dict[str, Any] = {"color": QUIET, "linewidth": 1.1, "linestyle": (0, (1, 2))}
_BEHIND = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.6, "pad": 0.6}  # of a name
_SIZE = (4.4, 3.3)  # inches, of a panel
_FEW = 15  # points of a curve that are drawn with a dot each
# Text stays text, and the same record gives the same bytes.
_SVG: Any = {
    **STYLE,
    **{"svg.fonttype": "none", "svg.hashsalt": "mmdense", "font.sans-serif": ["DejaVu Sans"]},
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))

Points = Sequence[tuple[float, float]]  # (step, value); the value may be NaN


@dataclass(frozen=True)
class Line:
    """A reference line: its name, which may be empty, and its value for a run, None if unknown."""

    text: str
    value: Callable[[Any], float | None]


@dataclass(frozen=True)
class Panel:
    """One plot.

    Attributes:
        label: Title of the vertical axis.
        points: Returns the curve of a run, empty if it has none.
        lines: Reference lines.
        log: Whether the vertical axis is logarithmic.
        limits: Lower and upper end of the vertical axis; None means automatic.
        title: Title above the panel.
        draw: Draws the panel instead of curves; ``points`` then only decides if it has content.
        marks: Steps of a run at which a phase began, with its name.
        key: Name of the curve in a record, if it differs from the label.
    """

    label: str
    points: Callable[[Any], Sequence[Any]]
    lines: tuple[Line, ...] = ()
    log: bool = False
    limits: tuple[float | None, float | None] = (None, None)
    title: str = ""
    draw: Callable[[Axes, Sequence[Any]], None] | None = None
    marks: Callable[[Any], Sequence[tuple[float, str]]] = lambda run: ()
    key: str = ""


@dataclass(frozen=True)
class Chart:
    """Panels that are read together, in rows of ``columns``.

    ``name`` is the name of the file and the anchor in the report, ``reading`` explains the chart
    and its reference lines.
    """

    name: str
    title: str
    reading: str
    panels: tuple[Panel, ...]
    columns: int = 3


class Swatch(NamedTuple):
    """Line of a run in a legend: its colour, and the lengths of dashes and gaps in pixels."""

    colour: str
    dashes: tuple[float, ...]


class DrawnPanel(NamedTuple):
    """An image for the report: its data URI, its alt text and its tooltip."""

    uri: str
    alt: str
    key: str


class DrawnChart(NamedTuple):
    """A chart, its number of columns, name and line of each run in the legend, and its images."""

    chart: Chart
    columns: int
    legend: list[tuple[str, Swatch]]
    panels: list[DrawnPanel]


def of(name: str) -> Callable[[Any], Points]:
    """Return a function that returns the curve of that name of a run."""
    return lambda run: run.curve(name)


def with_content(charts: Sequence[Chart], runs: Sequence[Any]) -> list[Chart]:
    """Return the charts without panels that have no points; charts without panels are left out."""
    kept = []
    for chart in charts:
        panels = tuple(panel for panel in chart.panels if any(map(panel.points, runs)))
        if panels:
            kept.append(replace(chart, panels=panels))
    return kept


def drawn_chart(chart: Chart, runs: Sequence[Any], *, legend: bool) -> DrawnChart:
    """Draw each panel of a chart as a separate image.

    A run has the same colour in all charts that get the same ``runs``.
    """
    panels = []
    for panel in chart.panels:
        svg = base64.b64encode(panel_svg(panel, runs)).decode("ascii")
        panels.append(DrawnPanel(f"data:image/svg+xml;base64,{svg}", _alt(panel, runs), panel.key))
    shown = [
        (run.name, swatch_of(number))
        for number, run in enumerate(runs)
        if legend and any(panel.points(run) for panel in chart.panels)
    ]
    return DrawnChart(chart, min(chart.columns, len(panels)), shown, panels)


@mpl.rc_context(_SVG)
def panel_svg(panel: Panel, runs: Sequence[Any]) -> bytes:
    """Return a panel as an SVG with a transparent background."""
    figure = Figure(figsize=_SIZE)
    draw_panel(figure.subplots(), panel, runs)
    svg = io.BytesIO()
    figure.savefig(svg, format="svg", transparent=True, metadata=_NO_METADATA)
    return svg.getvalue()


@mpl.rc_context(STYLE)
def write_png(chart: Chart, runs: Sequence[Any], folder: Path) -> Path:
    """Write all panels of a chart with a legend to a PNG, and return its path."""
    columns = min(chart.columns, len(chart.panels))
    rows = math.ceil(len(chart.panels) / columns)
    width = _SIZE[0] * columns
    names = max(1, min(4, int(width / (0.09 * max(len(run.name) for run in runs) + 0.9))))
    legend_height = 0.15 + 0.24 * math.ceil(len(runs) / names)
    figure = Figure(figsize=(width, _SIZE[1] * rows + legend_height))
    grid = np.atleast_1d(figure.subplots(rows, columns)).flatten()
    for axes in grid[len(chart.panels) :]:
        axes.axis("off")
    for axes, panel in zip(grid, chart.panels):
        draw_panel(axes, panel, runs)
    handles = [
        Line2D([], [], color=colour, linestyle=dash, linewidth=2, label=run.name)
        for run, colour, dash in styled(runs)
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=names, handlelength=3.2)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{chart.name}.png"
    figure.savefig(path)
    return path


def draw_curve(axes: Axes, points: Points, colour: str, dash: Any) -> None:
    """Draw a line with a gap at values that are not finite, and a cross before each gap.

    Short curves, and single values between gaps, are drawn with dots.
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


def styled(runs: Sequence[Any]) -> list[tuple[Any, str, Any]]:
    """Return each run with its colour and line style."""
    return [(run, *style_of(number)) for number, run in enumerate(runs)]


def style_of(number: int) -> tuple[str, Any]:
    """Return colour and line style of the run with this index; if colours repeat, dashes differ."""
    rounds = number // len(COLOURS)
    dashes = DASHES[(number + rounds) % len(DASHES)]
    return COLOURS[number % len(COLOURS)], (0, dashes) if dashes else "solid"


def swatch_of(number: int) -> Swatch:
    """Return the legend line of the run with this index."""
    colour, dash = style_of(number)
    dashes = () if isinstance(dash, str) else dash[1]
    return Swatch(colour, tuple(round(2.4 * length, 1) for length in dashes))


def draw_panel(axes: Axes, panel: Panel, runs: Sequence[Any]) -> None:
    """Draw the curves (or ``panel.draw``), the reference lines and the marks of a panel."""
    if panel.log:
        axes.set_yscale("log")
    axes.set(xlabel="training iteration", ylabel=panel.label, title=panel.title)
    if panel.draw is None or panel.key:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    drawn = [(run, colour, dash) for run, colour, dash in styled(runs) if panel.points(run)]
    if panel.draw is not None:
        panel.draw(axes, runs)
    else:
        for run, colour, dash in drawn:
            draw_curve(axes, panel.points(run), colour, dash)
    known = [run for run, _, _ in drawn]
    names = [name for line in panel.lines for name in _draw_line(axes, line, known)]
    axes.set_ylim(*panel.limits)
    if panel.log:
        axes.set_ylim(top=axes.get_ylim()[1] * 2.0)  # room for the name of a ceiling
        _name_powers(axes)
    elif names and panel.limits[1] is None:
        low, high = axes.get_ylim()
        axes.set_ylim(top=high + 0.15 * (high - low))
    _place_names(axes, names)
    _draw_marks(axes, [(panel.marks(run), colour) for run, colour, _ in drawn])


def _alt(panel: Panel, runs: Sequence[Any]) -> str:
    """Return the alt text of a panel, with the last values of its curves if it has a key."""
    text = f"{panel.title}: {panel.label}" if panel.title else panel.label
    if not panel.key:
        return text
    last = [(run.name, panel.points(run)) for run in runs]
    values = ", ".join(f"{name} {points[-1][1]:.3g}" for name, points in last if points)
    return f"{text} ({panel.key}) over training iterations; last values: {values}"


def _name_powers(axes: Axes) -> None:
    """Label 1, 2, 5, 10 on a short logarithmic axis, and powers of ten on a long one."""
    low, high = axes.get_ylim()
    subdivided = math.log10(high / low) < 3.0
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if subdivided else (1.0,)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _draw_line(axes: Axes, line: Line, runs: Sequence[Any]) -> list[Annotation]:
    """Draw one line for each distinct value of the runs, and name the highest."""
    places = sorted({value for run in runs if (value := line.value(run)) is not None})
    for place in places:
        axes.axhline(place, zorder=1, **DOTTED)
    if not places or not line.text:
        return []
    text = f"{line.text} = {places[0]:.3g}" if len(places) == 1 else f"{line.text}, by run"
    name = axes.annotate(
        text, (1.0, places[-1]), xycoords=axes.get_yaxis_transform(), xytext=(0, 3),
        textcoords="offset points", ha="right", va="bottom", fontsize=9, color=QUIET,
        bbox=_BEHIND,
    )  # fmt: skip
    name.set_in_layout(False)
    return [name]


def _place_names(axes: Axes, names: Sequence[Annotation]) -> None:
    """Move the names of lines near the upper end of the axis below their line."""
    axes.set_ylim(axes.get_ylim())
    for name in names:
        place = axes.transData.transform((0.0, name.xy[1]))
        if axes.transAxes.inverted().transform(place)[1] > 0.9:
            name.set_position((0, -3))
            name.set_verticalalignment("top")


def _draw_marks(
    axes: Axes, marks_of_runs: Sequence[tuple[Sequence[tuple[float, str]], str]]
) -> None:
    """Draw a vertical line at each mark in the colour of its run; shared marks are drawn once.

    The first mark of each name is labelled. The labels of each run are above those of the run
    before.
    """
    drawn: set[tuple[float, str]] = set()
    height = 0.13  # of the axis
    for marks, colour in marks_of_runs:
        new = [mark for mark in marks if mark not in drawn]
        drawn |= set(new)
        first = {text: place for place, text in reversed(marks)}  # of each name
        for place, text in new:
            axes.axvline(place, color=colour, linewidth=1.0, linestyle=(0, (4, 2)), alpha=0.6)
            if first[text] != place:
                continue
            name = axes.annotate(
                text, (place, height), xycoords=axes.get_xaxis_transform(), xytext=(2, 0),
                textcoords="offset points", rotation=90, ha="left", va="bottom", fontsize=9,
                color=colour, bbox=_BEHIND,
            )  # fmt: skip
            name.set_in_layout(False)
        if new and height < 0.6:
            height += 0.22
