"""A chart as HTML: the legend, and its panels as inline SVG."""

from collections.abc import Callable, Sequence
from html import escape

from mmdense.report.panels import COLOURS, Chart, Panel, R, panel_svgs, style_of

__all__ = ["legend_and_panels", "swatch"]


def legend_and_panels(
    chart: Chart[R],
    runs: Sequence[R],
    *,
    legend: bool,
    spoken: Callable[[Panel[R]], str] | None = None,
) -> str:
    """The runs that a chart shows, and its panels, in the classes of ``theme.css``.

    Args:
        chart: What to draw.
        runs: All of the page, so that a run has one colour everywhere.
        legend: Whether to name the runs.
        spoken: What a panel shows, in words; its titles by default.
    """
    shown = [n for n, run in enumerate(runs) if any(panel.points(run) for panel in chart.panels)]
    names = "".join(f"<li>{swatch(n)}{escape(runs[n].name)}</li>" for n in shown)
    names = f'<ul class="legend">{names}</ul>' if legend else ""
    columns = min(len(chart.panels), chart.columns)
    panels = "".join(
        f'<div class="panel" role="img" aria-label="{escape((spoken or _titles)(panel))}"'
        f"{_tooltip(panel)}>{svg}</div>"
        for panel, svg in zip(chart.panels, panel_svgs(chart, runs), strict=True)
    )
    return f'{names}<div class="panels columns-{columns}">{panels}</div>'


def swatch(number: int) -> str:
    """A piece of the line of a run, which is told by its place."""
    dash = style_of(number)[1]
    pattern = "" if isinstance(dash, str) else " ".join(f"{length * 2.4:g}" for length in dash[1])
    return (
        '<svg class="swatch" viewBox="0 0 36 8" aria-hidden="true"><line x1="1" y1="4" x2="35" '
        f'y2="4" style="stroke: var(--run-{number % len(COLOURS)})" stroke-width="3" '
        f'stroke-dasharray="{pattern}"/></svg>'
    )


def _tooltip(panel: Panel[R]) -> str:
    return f' title="{escape(panel.key)}"' if panel.key else ""


def _titles(panel: Panel[R]) -> str:
    return f"{panel.title}: {panel.label}" if panel.title else panel.label
