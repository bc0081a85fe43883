"""The collapse report as one HTML file that needs nothing else: no network, no script."""

import math
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from mmdense.collapse.report.advice import BLIND_SPOTS, advice_of, observations
from mmdense.collapse.report.figures import charts_of
from mmdense.collapse.report.panels import COLOURS, DASHES, Chart, Panel, panel_svgs, write_png
from mmdense.collapse.report.runs import Run, comparison_warnings

__all__ = ["PAGE_NAME", "page_of", "write_report"]

PAGE_NAME = "collapse.html"
_MARKS = {"good": "✓", "bad": "✗", "unsure": "?"}
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
    what = runs[0].name if len(runs) == 1 else f"{len(runs)} runs"
    return Template(template).substitute(
        title=escape(f"Collapse report: {what}"),
        summary=escape(_summary(runs)),
        warnings="".join(f'<p class="warning">{escape(w)}</p>' for w in _warnings(runs)),
        runs="\n".join(_run(run, n, alone=len(runs) == 1) for n, run in enumerate(runs)),
        comparison=_comparison(runs) if len(runs) > 1 else "",
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
        found.append(f"More than {len(COLOURS)} runs: colours and dashes repeat.")
    return found


def _run(run: Run, number: int, *, alone: bool) -> str:
    """The verdict on a run, why, and what to do; the latter folded where there are more runs."""
    advice = advice_of(run.verdict)
    verdict = run.verdict or "no verdict yet"
    parts = [
        f"<h2>{'' if alone else _swatch(number)}{escape(run.name)}</h2>",
        f'<p><strong class="badge {advice.tone}"><span aria-hidden="true">{_MARKS[advice.tone]}'
        f"</span> {escape(verdict)}</strong></p>",
        f'<p class="reason">{escape(_sentence(run.reason))}</p>' if run.reason else "",
        f"<p>{escape(advice.meaning)}</p>",
        _list("Also seen", observations(run)),
        f"<details{' open' if alone else ''}><summary>What to try next</summary>",
        _list("", advice.remedies, ordered=True),
        _list("What leads to it", advice.causes),
        "</details>",
        _facts(run),
    ]
    return f'<section class="run {advice.tone}">{"".join(parts)}</section>'


def _list(title: str, sentences: Sequence[str], *, ordered: bool = False) -> str:
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    tag = "ol" if ordered else "ul"
    heading = f"<h3>{escape(title)}</h3>" if title else ""
    return f"{heading}<{tag}>{items}</{tag}>"


def _facts(run: Run) -> str:
    facts = run.facts
    hidden = facts.get("centre_hidden")
    named = {
        "method": facts.get("method"),
        "last step": f"{run.last_step:,}" if run.last_step else None,
        "channels D": facts.get("channels"),
        "images in a batch B": facts.get("batch"),
        "vectors behind m_o, M": facts.get("vectors"),
        "floor of m_o": _number(facts.get("centre_floor"), 3),
        "last BatchNorm hides the centre": None if hidden is None else ("yes" if hidden else "no"),
        "checkpoints": ", ".join(facts.get("checkpoints", [])) or None,
    }
    for space, sizes in facts.get("spaces", {}).items():
        named[f"fixed images, {space}"] = f"{sizes['images']} × {sizes['channels']} channels"
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in named.items()
        if value is not None
    )
    return f"<details><summary>Facts of the run</summary><dl>{rows}</dl></details>" if rows else ""


def _comparison(runs: Sequence[Run]) -> str:
    """The last readings of all runs as a table that scrolls by itself on a narrow screen."""
    head = "".join(f'<th scope="col">{escape(title)}</th>' for _, title, _ in _COLUMNS)
    rows = []
    for number, run in enumerate(runs):
        cells = "".join(
            f"<td>{_number(run.last(key), digits) or '–'}</td>" for key, _, digits in _COLUMNS
        )
        tone = advice_of(run.verdict).tone
        verdict = f'<span class="badge {tone}">{escape(run.verdict or "no verdict yet")}</span>'
        rows.append(
            f'<tr><th scope="row">{_swatch(number)}{escape(run.name)}</th><td>{verdict}</td>'
            f"{cells}</tr>"
        )
    return (
        '<section><h2>Last readings</h2><div class="scroll" tabindex="0" role="region" '
        'aria-label="Last readings of all runs"><table><thead><tr><th scope="col">run</th>'
        f'<th scope="col">verdict</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
        "</div></section>"
    )


def _chart(chart: Chart, runs: Sequence[Run]) -> str:
    shown = [n for n, run in enumerate(runs) if any(panel.points(run) for panel in chart.panels)]
    legend = "".join(f"<li>{_swatch(n)}{escape(runs[n].name)}</li>" for n in shown)
    legend = f'<ul class="legend">{legend}</ul>' if len(runs) > 1 else ""
    columns = min(len(chart.panels), chart.columns)
    panels = "".join(
        f'<div class="panel" role="img" aria-label="{escape(_spoken(panel))}">{svg}</div>'
        for panel, svg in zip(chart.panels, panel_svgs(chart, runs), strict=True)
    )
    return (
        f'<section class="chart" id="{chart.name}"><h2>{escape(chart.title)}</h2>'
        f"<p>{escape(chart.reading)}</p>{legend}"
        f'<div class="panels columns-{columns}">{panels}</div></section>'
    )


def _spoken(panel: Panel) -> str:
    return f"{panel.title}: {panel.label}" if panel.title else panel.label


def _swatch(number: int) -> str:
    """A piece of a run's line."""
    dash = DASHES[number % len(DASHES)]
    pattern = "" if isinstance(dash, str) else " ".join(f"{length * 2.4:g}" for length in dash[1])
    return (
        '<svg class="swatch" viewBox="0 0 36 8" aria-hidden="true"><line x1="1" y1="4" x2="35" '
        f'y2="4" style="stroke: var(--run-{number % len(COLOURS)})" stroke-width="3" '
        f'stroke-dasharray="{pattern}"/></svg>'
    )


def _sentence(text: str) -> str:
    reading = text.split(maxsplit=1)[0] in ("m_o", "m_r")  # names keep their letters
    begun = text if reading else text[0].upper() + text[1:]
    return begun if begun.endswith(".") else f"{begun}."


def _number(value: float | None, digits: int) -> str | None:
    if value is None:
        return None
    # Adding zero makes the -0.0 of a rounded value 0.0.
    return f"{round(value, digits) + 0.0:.{digits}f}" if math.isfinite(value) else "not finite"
