"""Section with losses and metrics over training: one chart for the stages of a task."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from matplotlib.axes import Axes

from mmdense.records.curve import Curve
from mmdense.report.charts import (
    Chart,
    DrawnChart,
    Panel,
    Points,
    draw_curve,
    drawn_chart,
    of,
    styled,
)
from mmdense.report.curve_names import curve_words
from mmdense.report.section import Section, part_heading, render
from mmdense.report.subjects import Part, Subject

_WINDOWS = 60  # points at most; a longer curve is averaged over as many windows
_FAINT = 4  # lines of a panel at most for which a pale line shows the single values
_FIRST = 6  # panels of a chart that are not folded, at most
_ROW = 3  # panels of a chart that are not folded, at least
_MORE = 12  # folded panels of a chart, at most
_LOSS = "train/loss"
# Not drawn unless a config lists it: shown in another section, or equal to train/lr.
_UNSEEN = re.compile(r"(val/)?collapse/|train/base_lr$")

Ranges = Sequence[tuple[float, float, float]]  # (step, lowest value, highest value)
_Drawn = tuple[str, DrawnChart, DrawnChart | None]  # a title, its curves, and those that are folded


@dataclass(frozen=True)
class Drawn:
    """A line of a chart: a stage, or the mean over the seeds of a variant.

    ``curves`` and ``ranges`` have the keys of a record; ``ranges`` has the lowest and highest value
    over the seeds, and is empty for one seed.
    """

    name: str
    curves: Mapping[str, Points]
    ranges: Mapping[str, Ranges] = field(default_factory=dict)

    def curve(self, name: str) -> Points:
        """Return the points of a curve; empty if there is none of that name."""
        return self.curves.get(name, [])


def curves_section(subjects: Sequence[Subject]) -> Section:
    """Return one chart for each task and group of variants, with one panel for each curve."""
    by_task: dict[str, list[Part]] = defaultdict(list)
    for subject in subjects:
        for part in subject.parts:
            by_task[part.task].append(part)
    first = list(dict.fromkeys(key for subject in subjects for key in _compared(subject)))
    several = len(subjects) > 1
    charts: list[_Drawn] = []
    for task, parts in by_task.items():
        lines = drawn_lines(parts)
        for group in dict.fromkeys(group for subject in subjects for group in subject.groups):
            names = {part.line for part in parts if group in part.groups}
            # Lines of other groups keep their place, so that a variant has one colour in all.
            shown = [line if line.name in names else Drawn(line.name, {}) for line in lines]
            title = _title(task, group, names if several else set())
            charts += _task(title, shown, first, legend=several)
    html = render("curves.html", notes=_notes(subjects), charts=charts) if charts else ""
    return Section("curves", "Curves", html)


def _title(task: str, group: str | None, names: set[str]) -> str:
    """Return the title of a chart; without task and group, the name of its run."""
    if (heading := part_heading(task, group)) or not names:
        return heading
    return next(iter(names)) if len(names) == 1 else "Runs"


def _notes(subjects: Sequence[Subject]) -> list[str]:
    parts = [part for subject in subjects for part in subject.parts]
    notes = []
    if any(len(points) > _WINDOWS for part in parts for points in part.entry["curves"].values()):
        notes.append(
            f"Curves with more than {_WINDOWS} values are averaged over windows. In panels with "
            f"at most {_FAINT} lines, a pale line shows the single values."
        )
    if len({(part.task, part.line) for part in parts}) < len(parts):
        notes.append(
            "Each line of a study is the mean over the seeds of a variant. The band around it is "
            "the range from the lowest to the highest seed."
        )
    if notes:
        notes.append("A cross marks the last finite value before NaN or infinity.")
    return notes


def drawn_lines(parts: Sequence[Part]) -> list[Drawn]:
    """Return one line for each part, or the mean over the seeds of a variant.

    The mean contains only steps that all seeds have. Long curves are averaged over windows.
    """
    groups: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        groups[part.line].append(part)
    return [_line(name, [part.curves for part in group]) for name, group in groups.items()]


def _line(name: str, runs: Sequence[Mapping[str, Points]]) -> Drawn:
    if len(runs) == 1:
        return Drawn(name, runs[0])
    means: dict[str, Points] = {}
    ranges: dict[str, Ranges] = {}
    for key in (key for key in runs[0] if all(run.get(key) for run in runs)):
        curves = [dict(run[key]) for run in runs]
        steps = [step for step in curves[0] if all(step in curve for curve in curves)]
        thin = [_thinned([(step, curve[step]) for step in steps]) for curve in curves]
        values = np.array([[value for _, value in curve] for curve in thin])  # [seeds, steps]
        steps = [step for step, _ in thin[0]]
        means[key] = list(zip(steps, values.mean(axis=0).tolist(), strict=True))
        bounds = values.min(axis=0).tolist(), values.max(axis=0).tolist()
        ranges[key] = list(zip(steps, *bounds, strict=True))
    return Drawn(name, means, ranges)


def _thinned(points: Points) -> Points:
    """Average a long curve over windows; a window with a NaN is NaN."""
    if len(points) <= _WINDOWS:
        return points
    means = Curve(limit=_WINDOWS)
    for step, value in points:
        means.add(int(step), value)
    return [(step, value) for step, value in means.as_list()]


def _compared(subject: Subject) -> list[str]:
    """Return the curves of the metrics that the config of a pipeline or a study lists."""
    config = subject.record.config
    entries = {"pipeline": "compare", "study": "metrics"}.get(subject.kind)
    metrics = [entry["metric"] for entry in config[entries]] if entries else []
    return [key for metric in metrics for key in (f"val/{metric}", metric)]


def _ranked(lines: Sequence[Drawn], first: Sequence[str]) -> list[str]:
    """Return the curve keys in order: the loss, those that a config lists, the others."""
    keys = [
        key
        for key in dict.fromkeys(key for line in lines for key in line.curves)
        if any(len(line.curve(key)) > 1 for line in lines)
        and (key in first or not _UNSEEN.match(key))
    ]
    place = {key: number for number, key in enumerate(first)}
    return sorted(
        keys, key=lambda key: (key != _LOSS, place.get(key, len(first)), key.startswith("train"))
    )


def _task(
    title: str, lines: Sequence[Drawn], first: Sequence[str], *, legend: bool
) -> list[_Drawn]:
    """Return the chart of a task and the chart of its folded curves; empty without curves."""
    ranked = _ranked(lines, first)
    shown = [key for key in ranked if not key.startswith("train/") or key == _LOSS][:_FIRST]
    shown += [key for key in ranked if key not in shown][: max(0, _ROW - len(shown))]
    folded = [key for key in ranked if key not in shown][:_MORE]
    if not ranked:
        return []
    legend = legend or sum(bool(line.curves) for line in lines) > 1
    charts = [
        drawn_chart(Chart("", title, "", tuple(map(_panel, keys))), lines, legend=legend)
        for keys in (shown, folded)
        if keys
    ]
    return [(title, charts[0], charts[1] if folded else None)]


def _panel(key: str) -> Panel:
    return Panel(curve_words(key), of(key), draw=partial(_draw, key=key), key=key)


def _draw(axes: Axes, lines: Sequence[Drawn], key: str) -> None:
    """Draw short curves unchanged, and long curves as means over a pale line of their values."""
    few = sum(bool(line.curve(key)) for line in lines) <= _FAINT
    for line, colour, dash in styled(lines):
        points = line.curve(key)
        if key in line.ranges:
            axes.fill_between(*np.transpose(line.ranges[key]), color=colour, alpha=0.18, lw=0)
        elif len(points) > _WINDOWS and few:
            axes.plot(*np.transpose(points), color=colour, linewidth=0.8, alpha=0.25)
        if points:
            draw_curve(axes, _thinned(points), colour, dash)
