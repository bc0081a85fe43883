"""What a reader must know before the numbers, and whether a record reached what was expected."""

import json
import math
from collections.abc import Mapping, Sequence

from mmdense.records.expected import compare_expected
from mmdense.records.record import FILE_NAME, RecordError, load
from mmdense.report.render import render
from mmdense.report.section import Notice, Section
from mmdense.report.sources import Part, Subject

__all__ = ["expected_section", "notices_of", "plain_notes"]

_SHOWN = 4  # names in a notice before it says how many more there are
_NOT_FINITE = ": not finite"  # how a record's note of such a value ends


def notices_of(subjects: Sequence[Subject]) -> list[Notice]:
    """On the state of records and of the folders beside them."""
    found = []
    for subject in subjects:
        found += [*_on_code(subject), *_on_values(subject)]
        found += [notice for part in subject.parts for notice in _on_age(subject, part)]
        found += [
            Notice("bad", f"{subject.name}: {said}.")
            for said in _expected(subject)
            if not said.endswith("within tolerance")
        ]
    return found


def expected_section(subjects: Sequence[Subject]) -> Section:
    """Each score that a config expects, and whether the run reached it."""
    checks = {
        subject.name: [(text.endswith("within tolerance"), text) for text in _expected(subject)]
        for subject in subjects
    }
    html = render("expected.html", subjects=checks) if any(checks.values()) else ""
    return Section("expected", "Expected scores", html)


def plain_notes(subject: Subject) -> list[str]:
    """The notes of a record that neither a notice nor the expected scores repeat."""
    said = _expected(subject)
    return [
        note
        for note in subject.record.notes
        if note not in said and not note.endswith(_NOT_FINITE) and not _of_other_code(note)
    ]


def _expected(subject: Subject) -> list[str]:
    record = subject.record
    return compare_expected(record.config.get("expected") or [], record.metrics)


def _on_code(subject: Subject) -> list[Notice]:
    """Uncommitted changes, and stages of another commit."""
    git, found = subject.record.git, []
    if git["dirty"]:
        files = _listing(git["dirty_files"])
        text = (
            f"{subject.name} ran with uncommitted changes ({files}): its commit does not hold them."
        )
        found.append(Notice("bad", text))
    elif git["commit"] is None:
        version = subject.record.versions.get("mmdense")
        text = (
            f"{subject.name} has no commit: it ran outside a git checkout, with mmdense {version}."
        )
        found.append(Notice("unsure", text))
    others = [note for note in subject.record.notes if _of_other_code(note)]
    return found + [Notice("unsure", f"{subject.name}: {note}.") for note in others]


def _of_other_code(note: str) -> bool:
    return note.startswith(("stage ", "stages ")) and " ran at commit " in note


def _on_values(subject: Subject) -> list[Notice]:
    """Scores and curves with values that are not finite."""
    lost = [key for key, value in subject.record.metrics.items() if not math.isfinite(value)]
    for part in subject.parts:
        lost += [
            f"{part.name}, {key}"
            for key, points in part.curves.items()
            if any(not math.isfinite(value) for _, value in points)
        ]
    notes = [n.removesuffix(_NOT_FINITE) for n in subject.record.notes if n.endswith(_NOT_FINITE)]
    lost = list(dict.fromkeys(lost or notes))
    if not lost:
        return []
    return [Notice("bad", f"{subject.name} has values that are not finite: {_listing(lost)}.")]


def _on_age(subject: Subject, part: Part) -> list[Notice]:
    """A stage that did not end, or that ran again after its record was collected."""
    if part.folder is None or not subject.record.stages:
        return []
    note = part.folder / "stage.json"
    try:
        state = json.loads(note.read_text(encoding="utf-8"))["state"] if note.is_file() else "done"
    except (ValueError, KeyError, TypeError):
        state = "unknown"
    if state != "done":
        text = f"{part.name} did not end yet: what stands here is of its run before."
        return [Notice("bad", text)]
    if not (part.folder / FILE_NAME).is_file():
        return []
    try:
        own = load(part.folder / FILE_NAME)
    except RecordError as error:
        return [Notice("unsure", f"{part.told(error)}.")]
    if own.config_sha256 != part.entry.get("config_sha256") or _differ(own.metrics, part.metrics):
        text = f"{part.name} ran again after this record was made: make it anew."
        return [Notice("bad", text)]
    return []


def _differ(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Whether two sets of scores are not those of one run."""
    return set(one) != set(other) or any(
        not math.isclose(one[key], other[key], rel_tol=1e-5)
        and not (math.isnan(one[key]) and math.isnan(other[key]))
        for key in one
    )


def _listing(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
