"""The report as one HTML file that works offline, with one script that sorts tables."""

from collections.abc import Sequence
from pathlib import Path

from mmdense.records.record import write_text
from mmdense.report.charts import write_png
from mmdense.report.collapse.figures import charts_of
from mmdense.report.collapse.runs import Run
from mmdense.report.collapse.section import collapse_section, section_of_runs
from mmdense.report.curves_section import curves_section
from mmdense.report.dense_section import dense_section
from mmdense.report.facts_section import date_text, facts_section, machine_text, time_text
from mmdense.report.images import images_section, predictions_section
from mmdense.report.notices import expected_section, notices_of
from mmdense.report.results_section import results_section
from mmdense.report.section import Notice, Section, render
from mmdense.report.subjects import Subject, read_subjects
from mmdense.report.transfer_section import transfer_section
from mmdense.version import __version__

PAGE_NAME, COLLAPSE_PAGE_NAME = "report.html", "collapse.html"


def write_report(
    paths: Sequence[Path], out: Path | None = None, *, baseline: str | None = None
) -> Path:
    """Write one HTML report on records.

    Args:
        paths: Paths of records: each a work directory, a kept folder or a file.
        out: File to write; by default ``report.html`` in the folder of the record, or in the
            current folder for several records.
        baseline: Variant that the variants of a study are compared with, instead of the baseline
            in the config.

    Returns:
        The path of the file.

    Raises:
        RecordError: A path has no record, or one that cannot be read.
        ValueError: There is no path, or no study has the baseline.
    """
    if not paths:
        raise ValueError("a report needs a record")
    subjects = read_subjects(paths)
    if out is None:
        out = subjects[0].folder / PAGE_NAME if len(subjects) == 1 else Path(PAGE_NAME)
    return write_text(page_of(subjects, baseline=baseline), out)


def page_of(subjects: Sequence[Subject], *, baseline: str | None = None) -> str:
    """Return the HTML text of the report."""
    sections = [
        results_section(subjects, baseline),
        dense_section(subjects),
        expected_section(subjects),
        collapse_section(subjects),
        predictions_section(subjects),
        images_section(subjects),
        curves_section(subjects),
        transfer_section(subjects),
        facts_section(subjects),
    ]
    kinds = sorted({subject.kind for subject in subjects})
    alone = len(subjects) == 1
    return _page(
        kind=f"mmdense {kinds[0]}" if alone else "mmdense comparison",
        title=subjects[0].name if alone else ", ".join(s.name for s in subjects),
        summary=_summary(subjects),
        sections=[section for section in sections if section.html],
        notices=[*notices_of(subjects), *(notice for s in sections for notice in s.notices)],
    )


def write_collapse_report(runs: Sequence[Run], folder: Path) -> Path:
    """Write an HTML report with only the section on collapse, and one PNG for each figure.

    Returns:
        The path of ``collapse.html`` in the folder, which is created.

    Raises:
        ValueError: There is no run.
    """
    if not runs:
        raise ValueError("a collapse report needs a run")
    charts = charts_of(runs)
    for chart in charts:
        write_png(chart, runs, folder)
    section = section_of_runs(runs, alone=True)
    page = _page(
        kind="mmdense collapse report",
        title=runs[0].name if len(runs) == 1 else f"{len(runs)} runs",
        summary=[f"up to step {max(run.last_step for run in runs):,}"],
        sections=[section],
        notices=section.notices,
        contents=[(chart.name, chart.title) for chart in charts],
    )
    return write_text(page, folder / COLLAPSE_PAGE_NAME)


def _page(
    *,
    kind: str,
    title: str,
    summary: Sequence[str],
    sections: Sequence[Section],
    notices: Sequence[Notice],
    contents: Sequence[tuple[str, str]] | None = None,
) -> str:
    """Return the HTML report with its sections, errors before other warnings."""
    return render(
        "page.html",
        kind=kind,
        title=title,
        summary=summary,
        contents=[(s.name, s.title) for s in sections] if contents is None else contents,
        notices=sorted(dict.fromkeys(notices), key=lambda notice: notice.tone != "bad"),
        sections=sections,
        version=__version__,
    )


def _summary(subjects: Sequence[Subject]) -> list[str]:
    """Return the facts below the title."""
    if len(subjects) > 1:
        return [f"{subject.name}: {date_text(subject.record)}" for subject in subjects]
    record = subjects[0].record
    commit = (record.git["commit"] or "")[:10]
    facts = (
        date_text(record),
        time_text(record.wall_time_s),
        f"{len(record.stages)} stages" if record.stages else "",
        machine_text(record),
        f"commit {commit}" if commit else f"mmdense {record.versions.get('mmdense')}",
    )
    return [fact for fact in facts if fact]
