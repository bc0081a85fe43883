"""The report as one HTML file that needs nothing else: no network, one script for sorting."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from mmdense.report.collapse_section import collapse_section
from mmdense.report.curves_section import curves_section
from mmdense.report.facts_section import date_text, facts_section, machine_text, time_text
from mmdense.report.notices import expected_section, notices_of
from mmdense.report.pictures_section import pictures_section
from mmdense.report.predictions_section import predictions_section
from mmdense.report.results_section import results_section
from mmdense.report.section import Notice, Section
from mmdense.report.sources import Subject, read_subjects
from mmdense.report.transfer_section import transfer_section
from mmdense.version import __version__

__all__ = ["PAGE_NAME", "page_of", "write_report"]

_NOTICES = 6  # that are read before a click

PAGE_NAME = "report.html"


def write_report(
    paths: Sequence[Path], out: Path | None = None, *, baseline: str | None = None
) -> Path:
    """Write one page over records.

    Args:
        paths: Of records: a work directory, a kept folder or a file each.
        out: The file; by default ``report.html`` beside the only record, or here for several.
        baseline: Variant that those of a study are compared with, instead of the config's.

    Returns:
        The file.

    Raises:
        RecordError: A path has no record, or one that cannot be read.
        ValueError: There is no path, or no study has the baseline.
    """
    if not paths:
        raise ValueError("a report needs a record")
    subjects = read_subjects(paths)
    if out is None:
        out = subjects[0].folder / PAGE_NAME if len(subjects) == 1 else Path(PAGE_NAME)
    page = page_of(subjects, baseline=baseline)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.part")
    partial.write_text(page, encoding="utf-8")
    return partial.replace(out)


def page_of(subjects: Sequence[Subject], *, baseline: str | None = None) -> str:
    """The page's text."""
    sections = [
        results_section(subjects, baseline),
        expected_section(subjects),
        collapse_section(subjects),
        predictions_section(subjects),
        pictures_section(subjects),
        curves_section(subjects),
        transfer_section(subjects),
        facts_section(subjects),
    ]
    shown = [section for section in sections if section.html]
    notices = [*notices_of(subjects), *(notice for s in sections for notice in s.notices)]
    kinds = sorted({subject.kind for subject in subjects})
    alone = len(subjects) == 1
    return Template(_file("page.html")).substitute(
        style=_file("theme.css"),
        script=_file("sort.js"),
        kind=escape(f"mmdense {kinds[0]}" if alone else "mmdense, side by side"),
        title=escape(subjects[0].name if alone else ", ".join(s.name for s in subjects)),
        summary="".join(f"<li>{escape(fact)}</li>" for fact in _summary(subjects)),
        notices=_notices(notices),
        contents="".join(f'<li><a href="#{s.name}">{escape(s.title)}</a></li>' for s in shown),
        sections="\n".join(_section(section) for section in shown),
        version=escape(__version__),
    )


def _file(name: str) -> str:
    return files("mmdense.report").joinpath(name).read_text(encoding="utf-8")


def _summary(subjects: Sequence[Subject]) -> list[str]:
    """What a reader asks first, in a line."""
    if len(subjects) > 1:
        return [f"{subject.name}: {date_text(subject.record)}" for subject in subjects]
    record = subjects[0].record
    commit = (record.git["commit"] or "")[:10]
    facts = (
        date_text(record),
        time_text(record.wall_time_s),
        f"{len(record.stages)} stages" if record.stages else "",
        machine_text(record),
        f"commit {commit}" if commit else "",
    )
    return [fact for fact in facts if fact]


def _notices(notices: Sequence[Notice]) -> str:
    """The bad ones first, and those behind the sixth folded."""
    if not notices:
        return ""
    ranked = sorted(dict.fromkeys(notices), key=lambda notice: notice.tone != "bad")
    items = [
        f'<li class="{notice.tone}"><span class="mark" aria-hidden="true">'
        f"{'✗' if notice.tone == 'bad' else '!'}</span><span>{escape(notice.text)}</span></li>"
        for notice in ranked
    ]
    html = f"<ul>{''.join(items[:_NOTICES])}</ul>"
    if more := items[_NOTICES:]:
        html += f"<details><summary>{len(more)} more</summary><ul>{''.join(more)}</ul></details>"
    return (
        '<section class="notices" aria-labelledby="notices"><h2 id="notices">Before you read '
        f"the numbers</h2>{html}</section>"
    )


def _section(section: Section) -> str:
    return (
        f'<section id="{section.name}" aria-labelledby="{section.name}-title">'
        f'<h2 id="{section.name}-title">{escape(section.title)}</h2>{section.html}</section>'
    )
