"""Section on collapse: verdicts, advice and figures."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from markupsafe import Markup

from mmdense.collapse.history import FILE_NAME
from mmdense.records.plots import COLOURS
from mmdense.report.charts import Swatch, drawn_chart, swatch_of
from mmdense.report.collapse.advice import BLIND_SPOTS, Advice, advice_of, observations
from mmdense.report.collapse.figures import charts_of
from mmdense.report.collapse.runs import Run, comparison_warnings, read_runs
from mmdense.report.section import Notice, Section, render
from mmdense.report.subjects import Subject
from mmdense.report.table import Column, Table, Value

_MAIN = ("centre", "deviation", "batch_ranks")  # figures that are not folded in a report
_DRAWN = 4  # runs at most that have a card and curves in a report; more are in a table only
_PHASES = 8  # phases that are listed; more are counted
_READINGS = (  # columns of the table: reading, title, digits
    ("m_o", "m_o", 3),
    ("m_r", "m_r", 3),
    ("std", "std", 4),
    ("rank", "rank in a batch", 1),
    ("projector/centred_rank_me", "RankMe of the projector, centred", 1),
    ("backbone/centred_rank_me", "RankMe of the backbone, centred", 1),
    ("alignment", "alignment", 3),
    ("uniformity", "uniformity", 2),
)


class Card(NamedTuple):
    """One run: its name and line, the verdict with its reason, advice, and facts."""

    name: str
    style: Swatch | None
    verdict: str
    reason: str
    advice: Advice
    observations: Sequence[str]
    facts: dict[str, Any]


def collapse_section(subjects: Sequence[Subject]) -> Section:
    """Return the section on all parts of records with ``mmdense.CollapseHook``."""
    runs: list[Run] = []
    notices: list[Notice] = []
    for part in (part for subject in subjects for part in subject.parts):
        if part.folder is None or not (part.folder / FILE_NAME).is_file():
            continue
        try:
            (run,) = read_runs([part.folder])
        except ValueError as error:
            notices.append(Notice("unsure", f"{part.message_of(error)}."))
            continue
        runs.append(replace(run, name=part.name))
    section = section_of_runs(runs, alone=False)
    return section._replace(notices=(*notices, *section.notices))


def section_of_runs(runs: Sequence[Run], *, alone: bool) -> Section:
    """Return cards, last readings and figures of runs; a table only for more than four runs.

    Args:
        runs: Runs to show; without runs, the section is empty.
        alone: Whether the report has only this section. It then shows all runs and all figures.
    """
    notices = [
        Notice("bad", f"{run.name}: {run.verdict}. {run.reason}".rstrip())
        for run in runs
        if advice_of(run.verdict).tone == "bad"
    ]
    if alone:
        notices += [Notice("unsure", warning) for warning in comparison_warnings(runs)]
        if len(runs) > len(COLOURS):
            text = f"More than {len(COLOURS)} runs: colours repeat with different dashes."
            notices.append(Notice("unsure", text))
    drawn = runs if alone or len(runs) <= _DRAWN else []
    several = len(runs) > 1
    figures = [drawn_chart(chart, drawn, legend=several) for chart in charts_of(drawn)]
    shown = [one for one in figures if alone or one.chart.name in _MAIN]
    styles = [swatch_of(number) if several else None for number in range(len(drawn))]
    html = render(
        "collapse.html",
        alone=alone,
        verdicts=[] if drawn else _counted(runs),
        table=_table(runs) if several else "",
        cards=[_card(run, style) for run, style in zip(drawn, styles)],
        shown=shown,
        folded=[one for one in figures if one not in shown],
        blind_spots=BLIND_SPOTS,
    )
    return Section("collapse", "Collapse", html if runs else "", tuple(notices))


def _counted(runs: Sequence[Run]) -> list[tuple[str, str, int]]:
    counts = Counter(run.verdict for run in runs)
    return [
        (advice_of(verdict).tone, verdict or "no verdict yet", count)
        for verdict, count in counts.items()
    ]


def _table(runs: Sequence[Run]) -> Markup:
    """Return a table of the last readings of all runs, without readings that no run has."""
    readings = [column for column in _READINGS if any(run.curve(column[0]) for run in runs)]
    columns = [Column("run", "Run"), Column("verdict", "Verdict")]
    columns += [
        Column(key, title, format=partial(number_text, digits=digits), numeric=True)
        for key, title, digits in readings
    ]
    rows: list[dict[str, Value]] = [
        {
            "run": run.name,
            "verdict": run.verdict or "no verdict yet",
            **{key: run.last(key) for key, _, _ in readings},
        }
        for run in runs
    ]
    return Table("Last readings of all runs", columns, rows).html()


def number_text(value: float, digits: int) -> str:
    """Format a reading with this number of decimal places."""
    # Adding zero turns a rounded -0.0 into 0.0.
    return f"{round(value, digits) + 0.0:.{digits}f}" if math.isfinite(value) else "not finite"


def _card(run: Run, style: Swatch | None) -> Card:
    facts, advice = run.facts, advice_of(run.verdict)
    floor = facts.get("centre_floor")
    hidden = facts.get("centre_hidden")
    phases = [f"{head} {start:,}" for start, head in run.phases[:_PHASES]]
    if len(run.phases) > _PHASES:
        phases.append(f"and {len(run.phases) - _PHASES} more")
    named = {
        "method": facts.get("method"),
        "last step": f"{run.last_step:,}" if run.last_step else None,
        "channels D": facts.get("channels"),
        "images in a batch B": facts.get("batch"),
        "vectors for m_o, M": facts.get("vectors"),
        "floor of m_o": None if floor is None else number_text(floor, 3),
        "last BatchNorm hides the centre": None if hidden is None else ("yes" if hidden else "no"),
        "heads and their first steps": ", ".join(phases),
        "checkpoints": ", ".join(facts.get("checkpoints", [])),
    }
    for space, sizes in facts.get("spaces", {}).items():
        named[f"fixed images, {space}"] = f"{sizes['images']} × {sizes['channels']} channels"
    verdict = run.verdict or "no verdict yet"
    return Card(run.name, style, verdict, _sentence(run.reason), advice, observations(run), named)


def _sentence(text: str) -> str:
    if not text:
        return ""
    reading = text.split(maxsplit=1)[0] in ("m_o", "m_r")  # symbols keep their case
    begun = text if reading else text[0].upper() + text[1:]
    return begun if begun.endswith(".") else f"{begun}."
