"""Whether a pretraining collapsed, why, and the curves that show it."""

from collections.abc import Sequence
from dataclasses import replace

from mmdense.collapse.history import FILE_NAME
from mmdense.collapse.report.advice import advice_of
from mmdense.collapse.report.figures import charts_of
from mmdense.collapse.report.runs import Run, read_runs
from mmdense.collapse.report.verdict_card import number_text, verdict_badge, verdict_card
from mmdense.report.chart_html import legend_and_panels, swatch
from mmdense.report.section import Notice, Section
from mmdense.report.sortable_table import Cell, number_cell, sortable_table
from mmdense.report.sources import Subject

__all__ = ["collapse_section"]

_MAIN = ("centre", "deviation", "batch_ranks")  # figures; the collapse report has them all
_DRAWN = 4  # runs at most that get a card and curves; more stand in a table
_READINGS = (
    ("m_o", "m_o", 3),
    ("m_r", "m_r", 3),
    ("std", "std", 4),
    ("rank", "rank in a batch", 1),
)
_IDEA = (
    "<p>The readings take the projections apart into their centre and what is left of each, after "
    '<a href="https://arxiv.org/abs/2203.16262">How does SimSiam avoid collapse without negative '
    "samples (2022)</a>. All figures: <code>python tools/collapse_report.py WORK_DIR</code>.</p>"
)


def collapse_section(subjects: Sequence[Subject]) -> Section:
    """Verdicts, reasons and curves of all parts that ``mmdense.CollapseHook`` watched."""
    runs: list[Run] = []
    notices: list[Notice] = []
    for part in (part for subject in subjects for part in subject.parts):
        if part.folder is None or not (part.folder / FILE_NAME).is_file():
            continue
        try:
            (run,) = read_runs([part.folder])
        except ValueError as error:
            notices.append(Notice("unsure", f"{part.told(error)}."))
            continue
        runs.append(replace(run, name=part.name))
    notices += [
        Notice("bad", f"{run.name}: {run.verdict}. {run.reason}".rstrip())
        for run in runs
        if advice_of(run.verdict).tone == "bad"
    ]
    html = ""
    if runs:
        html = _IDEA + (_table(runs) if len(runs) > _DRAWN else _cards(runs))
    return Section("collapse", "Collapse", html, tuple(notices))


def _cards(runs: Sequence[Run]) -> str:
    alone = len(runs) == 1
    cards = "".join(
        verdict_card(run, swatch="" if alone else swatch(number), level=3)
        for number, run in enumerate(runs)
    )
    figures = "".join(
        f'<div class="chart"><h3>{chart.title}</h3><p>{chart.reading}</p>'
        f"{legend_and_panels(chart, runs, legend=not alone)}</div>"
        for chart in charts_of(runs)
        if chart.name in _MAIN
    )
    return f'<div class="runs">{cards}</div>{figures}'


def _table(runs: Sequence[Run]) -> str:
    """The last readings of many runs."""
    rows = [
        [
            Cell(run.name),
            Cell(run.verdict or "no verdict yet"),
            *(
                number_cell(run.last(key), number_text(run.last(key), digits))
                for key, _, digits in _READINGS
            ),
        ]
        for run in runs
    ]
    header = ["Run", "Verdict", *(title for _, title, _ in _READINGS)]
    counts = {run.verdict: sum(other.verdict == run.verdict for other in runs) for run in runs}
    said = " ".join(f"{verdict_badge(verdict)} {count}" for verdict, count in counts.items())
    return f"<p>{said}</p>{sortable_table('Last readings of all runs', header, rows)}"
