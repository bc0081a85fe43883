"""Warnings of the report, and the section with expected scores."""

import json
import math
from collections.abc import Mapping, Sequence

from mmdense.records.checks import Outcome
from mmdense.records.record import FILE_NAME, RecordError, load
from mmdense.report.section import Notice, Section, render
from mmdense.report.subjects import Part, Subject

_SHOWN = 4  # names in a notice; more are counted


def notices_of(subjects: Sequence[Subject]) -> list[Notice]:
    """Return the warnings on records and on their work directories."""
    found = []
    for subject in subjects:
        found += [*_on_code(subject), *_on_values(subject)]
        found += [notice for part in subject.parts for notice in _on_age(subject, part)]
        found += [
            Notice("bad", f"{subject.name}: {check}.")
            for check in subject.record.checks
            if check.verdict is not Outcome.WITHIN
        ]
    return found


def expected_section(subjects: Sequence[Subject]) -> Section:
    """Return each score that a config expects, and whether the run reached it."""
    checks = {
        subject.name: [
            (check.verdict is Outcome.WITHIN, str(check)) for check in subject.record.checks
        ]
        for subject in subjects
    }
    html = render("expected.html", subjects=checks) if any(checks.values()) else ""
    return Section("expected", "Expected scores", html)


def _on_code(subject: Subject) -> list[Notice]:
    """Return warnings on uncommitted changes and on stages of another commit."""
    git, found = subject.record.git, []
    if git["dirty"]:
        files = _listing(git["dirty_files"])
        text = f"{subject.name} ran with uncommitted changes ({files}), which its commit lacks."
        found.append(Notice("bad", text))
    elif git["commit"] is None:
        version = subject.record.versions.get("mmdense")
        text = f"{subject.name} ran outside a git checkout, with mmdense {version}."
        found.append(Notice("unsure", text))
    for commit, stages in subject.record.elsewhere.items():
        text = f"{subject.name}: {_listing(stages)} ran at commit {commit}, the record at another."
        found.append(Notice("unsure", text))
    return found


def _on_values(subject: Subject) -> list[Notice]:
    """Return a warning on scores and curves with values that are not finite."""
    lost = [key for key, value in subject.record.metrics.items() if not math.isfinite(value)]
    for part in subject.parts:
        lost += [
            f"{part.name}, {key}"
            for key, points in part.curves.items()
            if any(not math.isfinite(value) for _, value in points)
        ]
    lost = list(dict.fromkeys(lost or subject.record.not_finite))
    if not lost:
        return []
    return [Notice("bad", f"{subject.name} has values that are not finite: {_listing(lost)}.")]


def _on_age(subject: Subject, part: Part) -> list[Notice]:
    """Return a warning if a stage did not end, or ran again after the record was written."""
    if part.folder is None or not subject.record.stages:
        return []
    note = part.folder / "stage.json"
    try:
        state = json.loads(note.read_text(encoding="utf-8"))["state"] if note.is_file() else "done"
    except (ValueError, KeyError, TypeError):
        state = "unknown"
    if state != "done":
        text = f"{part.name} has not ended. The values in this report are from its previous run."
        return [Notice("bad", text)]
    if not (part.folder / FILE_NAME).is_file():
        return []
    try:
        own = load(part.folder / FILE_NAME)
    except RecordError as error:
        return [Notice("unsure", f"{part.message_of(error)}.")]
    if own.config_sha256 != part.entry.get("config_sha256") or _differ(own.metrics, part.metrics):
        text = f"{part.name} ran again after this record was written. Write the record again."
        return [Notice("bad", text)]
    return []


def _differ(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Return whether two sets of scores differ."""
    return set(one) != set(other) or any(
        not math.isclose(one[key], other[key], rel_tol=1e-5)
        and not (math.isnan(one[key]) and math.isnan(other[key]))
        for key in one
    )


def _listing(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
