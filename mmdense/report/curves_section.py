"""Losses and metrics over the training: one chart for the stages that share them."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mmdense.records.curve import Curve
from mmdense.report.chart_html import legend_and_panels
from mmdense.report.panels import Chart, Panel, Points, draw_curve, dress, of, styled
from mmdense.report.section import Section
from mmdense.report.sources import Part, Subject

__all__ = ["Drawn", "curves_section", "drawn_lines"]

_WINDOWS = 60  # means that a long curve is drawn with
_FAINT = 4  # lines of a panel at most for which the values themselves are drawn too
_FIRST = 6  # panels of a chart that are shown at once,
_ROW = 3  # that there are at least, where there are so many curves,
_MORE = 12  # and those that are folded
_LOSS = "train/loss"
_UNSEEN = re.compile(r"(val/)?collapse/|train/base_lr$")  # shown elsewhere, or what train/lr shows


@dataclass(frozen=True)
class Drawn:
    """A line of a chart: a stage, or the mean over the seeds of a variant."""

    name: str
    curves: Mapping[str, Points]

    def curve(self, name: str) -> Points:
        """Empty where it has none of that name."""
        return self.curves.get(name, [])


def curves_section(subjects: Sequence[Subject]) -> Section:
    """A chart for each task, with a panel for each curve that its stages have."""
    by_task: dict[str, list[Part]] = defaultdict(list)
    for subject in subjects:
        for part in subject.parts:
            by_task[part.task].append(part)
    first = {metric for subject in subjects for metric in _compared(subject)}
    found = [
        _task(number, task, drawn_lines(parts), first)
        for number, (task, parts) in enumerate(by_task.items())
    ]
    smoothed = any(
        len(points) > _WINDOWS
        for parts in by_task.values()
        for part in parts
        for points in part.entry["curves"].values()
    )
    html = "".join(found)
    if html and smoothed:
        html = f'<p class="note">{_ON_MEANS}</p>{html}'
    return Section("curves", "Curves", html)


_ON_MEANS = (
    f"A curve of more than {_WINDOWS} values is drawn as means over equal windows, and where a "
    "panel has few lines the values themselves stand behind it, pale. Lines of a study are means "
    "over its seeds. A cross ends a line whose next value is not finite."
)


def drawn_lines(parts: Sequence[Part]) -> list[Drawn]:
    """One line for each part, and one for all seeds of a variant: their mean, step by step."""
    groups: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        groups[part.line].append(part)
    lines = []
    for name, group in groups.items():
        curves = [part.curves for part in group]
        keys = [key for key in curves[0] if all(other.get(key) for other in curves)]
        lines.append(Drawn(name, {key: _mean([other[key] for other in curves]) for key in keys}))
    return lines


def _mean(curves: Sequence[Points]) -> Points:
    """At the steps that all have; NaN where one is NaN."""
    values = [dict(curve) for curve in curves]
    return [
        (step, float(np.mean([value[step] for value in values])))
        for step, _ in curves[0]
        if all(step in value for value in values)
    ]


def _compared(subject: Subject) -> list[str]:
    """The metrics that the config of a pipeline or a study names."""
    config = subject.record.config
    entries = {"pipeline": "compare", "study": "metrics"}.get(subject.kind)
    return [f"val/{entry['metric']}" for entry in config[entries]] if entries else []


def _task(number: int, task: str, lines: Sequence[Drawn], first: set[str]) -> str:
    """The chart of a task, the curves that matter less folded; empty where nothing is to draw."""
    keys = [
        key
        for key in dict.fromkeys(key for line in lines for key in line.curves)
        if any(len(line.curve(key)) > 1 for line in lines) and not _UNSEEN.match(key)
    ]
    ranked = sorted(keys, key=lambda key: (key != _LOSS, key not in first, key.startswith("train")))
    shown = [key for key in ranked if key == _LOSS or key.startswith("val/")][:_FIRST]
    shown += [key for key in ranked if key not in shown][: max(0, _ROW - len(shown))]
    folded = [key for key in ranked if key not in shown][:_MORE]
    if not ranked:
        return ""
    title = task.replace("_", " ").capitalize()
    heading = f"<h3>{escape(title)}</h3>" if title else ""
    charts = [_chart(f"curves-{number}", shown, lines), _chart(f"more-{number}", folded, lines)]
    plural = "s" if len(folded) > 1 else ""
    more = (
        f"<details><summary>{len(folded)} more curve{plural}</summary>{charts[1]}</details>"
        if folded
        else ""
    )
    return f'<div class="chart">{heading}{charts[0] if shown else ""}{more}</div>'


def _chart(name: str, keys: Sequence[str], lines: Sequence[Drawn]) -> str:
    panels = tuple(Panel(key, of(key), draw=_drawing(key)) for key in keys)
    chart: Chart[Drawn] = Chart(name, "", "", panels)
    return legend_and_panels(chart, lines, legend=len(lines) > 1, spoken=partial(_spoken, lines))


def _drawing(key: str) -> Callable[[Axes, Sequence[Drawn]], None]:
    return lambda axes, lines: _draw(axes, key, lines)


def _draw(axes: Axes, key: str, lines: Sequence[Drawn]) -> None:
    """Short curves as they are, long ones as means of windows over their own pale values."""
    known = [line for line in lines if line.curve(key)]
    for line, colour, dash in styled(lines):
        points = line.curve(key)
        if len(points) > _WINDOWS:
            if len(known) <= _FAINT:
                axes.plot(*np.transpose(points), color=colour, linewidth=0.8, alpha=0.25)
            means = Curve(limit=_WINDOWS)
            for step, value in points:
                means.add(int(step), value)
            points = [(step, value) for step, value in means.as_list()]
        if points:
            draw_curve(axes, points, colour, dash)
    dress(axes, key)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _spoken(lines: Sequence[Drawn], panel: Panel[Drawn]) -> str:
    """The last value of each line, for those who cannot see the panel."""
    last = [(line.name, line.curve(panel.label)) for line in lines]
    said = ", ".join(f"{name} {points[-1][1]:.3g}" for name, points in last if points)
    return f"{panel.label} over training iterations; last values: {said}"
