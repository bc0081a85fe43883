"""The collapse report as one HTML file that needs nothing else: no network, no script."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from mmdense.collapse.report.advice import BLIND_SPOTS, advice_of
from mmdense.collapse.report.figures import charts_of
from mmdense.collapse.report.runs import Run, comparison_warnings
from mmdense.collapse.report.verdict_card import number_text, verdict_card
from mmdense.report.chart_html import legend_and_panels, swatch
from mmdense.report.panels import COLOURS, Chart, write_png

__all__ = ["PAGE_NAME", "page_of", "write_report"]

PAGE_NAME = "collapse.html"
_COLUMNS = (  # of the comparison: reading, title, digits
    ("m_o", "m_o", 3),
    ("m_r", "m_r", 3),
    ("std", "std", 4),
    ("rank", "rank in a batch", 1),
    ("projector/centred_rank_me", "RankMe of the projector, centred", 1),
    ("backbone/centred_rank_me", "RankMe of the backbone, centred", 1),
    ("alignment", "alignment", 3),
    ("uniformity", "uniformity", 2),
)


def write_report(runs: Sequence[Run], folder: Path) -> Path:
    """Write a PNG a figure and ``collapse.html`` into a folder, which is made; returns the page.

    Raises:
        ValueError: There is no run.
    """
    if not runs:
        raise ValueError("a collapse report needs a run")
    charts = charts_of(runs)
    for chart in charts:
        write_png(chart, runs, folder)
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / PAGE_NAME
    page.write_text(page_of(runs, charts), encoding="utf-8")
    return page


def page_of(runs: Sequence[Run], charts: Sequence[Chart]) -> str:
    """The page's text."""
    template = (
        files("mmdense.collapse.report").joinpath("report_page.html").read_text(encoding="utf-8")
    )
    style = files("mmdense.report").joinpath("theme.css").read_text(encoding="utf-8")
    alone = len(runs) == 1
    what = runs[0].name if alone else f"{len(runs)} runs"
    return Template(template).substitute(
        style=style,
        title=escape(f"Collapse report: {what}"),
        summary=escape(_summary(runs)),
        warnings="".join(f'<p class="warning">{escape(w)}</p>' for w in _warnings(runs)),
        runs="\n".join(
            verdict_card(run, swatch="" if alone else swatch(n), unfolded=alone)
            for n, run in enumerate(runs)
        ),
        comparison="" if alone else _comparison(runs),
        contents="".join(f'<li><a href="#{c.name}">{escape(c.title)}</a></li>' for c in charts),
        charts="\n".join(_chart(chart, runs) for chart in charts)
        or "<p>There are no readings yet: make the report again after the next checkpoint.</p>",
        blind_spots="".join(f"<li>{escape(spot)}</li>" for spot in BLIND_SPOTS),
    )


def _summary(runs: Sequence[Run]) -> str:
    if len(runs) == 1:
        return f"One run, up to step {runs[0].last_step:,}."
    return f"Side by side, up to step {max(run.last_step for run in runs):,}."


def _warnings(runs: Sequence[Run]) -> list[str]:
    found = comparison_warnings(runs)
    if len(runs) > len(COLOURS):
        found.append(f"More than {len(COLOURS)} runs: colours repeat, with other dashes.")
    return found


def _comparison(runs: Sequence[Run]) -> str:
    """The last readings of all runs as a table that scrolls by itself on a narrow screen.

    A reading that no run has is left out.
    """
    columns = [column for column in _COLUMNS if any(run.curve(column[0]) for run in runs)]
    head = "".join(f'<th scope="col">{escape(title)}</th>' for _, title, _ in columns)
    rows = []
    for number, run in enumerate(runs):
        cells = "".join(
            f"<td>{number_text(run.last(key), digits) or '–'}</td>" for key, _, digits in columns
        )
        tone = advice_of(run.verdict).tone
        verdict = f'<span class="badge {tone}">{escape(run.verdict or "no verdict yet")}</span>'
        rows.append(
            f'<tr><th scope="row">{swatch(number)}{escape(run.name)}</th><td>{verdict}</td>'
            f"{cells}</tr>"
        )
    return (
        '<section><h2>Last readings</h2><div class="scroll" tabindex="0" role="region" '
        'aria-label="Last readings of all runs"><table><thead><tr><th scope="col">run</th>'
        f'<th scope="col">verdict</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
        "</div></section>"
    )


def _chart(chart: Chart, runs: Sequence[Run]) -> str:
    return (
        f'<section class="chart" id="{chart.name}"><h2>{escape(chart.title)}</h2>'
        f"<p>{escape(chart.reading)}</p>"
        f"{legend_and_panels(chart, runs, legend=len(runs) > 1)}</section>"
    )
