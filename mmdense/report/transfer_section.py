"""Section on transferred weights, from ``<stage>/transfer.json``."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mmdense.report.section import Notice, Section, render
from mmdense.report.subjects import Part, Subject
from mmdense.report.table import Column, Table
from mmdense.transfer.report import TRANSFER_FILE_NAME

_KEYS = ("source", "place", "branch", "dialects", "target", "covered", "entries", "doubts")
_WRONG = ("left over", "missing", "wrong shape")


def transfer_section(subjects: Sequence[Subject]) -> Section:
    """Return every transfer of every part: its coverage, weights by status, and all weights."""
    notices: list[Notice] = []
    transfers = []
    for part in (part for subject in subjects for part in subject.parts):
        for transfer in _read(part, notices):
            transfers.append(_transfer(part.name, transfer))
            doubts = [f"{kind}: {text}" for kind, text in transfer["doubts"].items()]
            notices += [Notice("unsure", f"{part.name}: {doubt}") for doubt in doubts]
    html = render("transfer.html", transfers=transfers) if transfers else ""
    return Section("transfer", "Transferred weights", html, tuple(notices))


def _read(part: Part, notices: list[Notice]) -> list[Mapping[str, Any]]:
    """Return the transfers in the file of a part; empty, with a notice, if it cannot be read."""
    file = part.folder / TRANSFER_FILE_NAME if part.folder else None
    if file is None or not file.is_file():
        return []
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        for number, transfer in enumerate(content):
            if missing := [key for key in _KEYS if key not in transfer]:
                raise ValueError(f"entry {number} lacks {', '.join(missing)}")
            if any(len(entry) != 4 for entry in transfer["entries"]):
                raise ValueError(
                    f"entry {number} has weights that lack name, status, numbers or note"
                )
    except (ValueError, TypeError) as error:
        text = f"{part.name}: {TRANSFER_FILE_NAME} cannot be read ({error})."
        notices.append(Notice("unsure", text))
        return []
    return content


def _transfer(name: str, transfer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the template."""
    status_of = [status for _, status, _, _ in transfer["entries"]]
    weights, numbers = Counter(status_of), Counter[str]()
    for _, status, count, _ in transfer["entries"]:
        numbers[status] += count
    facts = {
        "from": f"{transfer['source']} ({transfer['place']}, {transfer['branch']})",
        "key naming scheme": " → ".join(transfer["dialects"]),
        "accepted differences": ", ".join(transfer.get("allowed", [])),
    }
    status_column = Column("status", "Status")
    count_column = Column("numbers", "Numbers", "", ",", numeric=True)
    counted = Table(
        "Weights by status",
        [status_column, Column("weights", "Weights", "", ",", numeric=True), count_column],
        [{"status": s, "weights": weights[s], "numbers": numbers[s]} for s in weights],
    )
    keys = ("weight", "status", "numbers", "note")
    every = Table(
        "All weights",
        [Column("weight", "Weight"), status_column, count_column, Column("note", "Note")],
        [dict(zip(keys, entry, strict=True)) for entry in transfer["entries"]],
    )
    return {
        "name": name,
        "target": transfer["target"],
        "tone": "unsure" if set(weights) & set(_WRONG) else "good",
        # Rounded down, so that 100.0 means all.
        "covered": f"{math.floor(1000 * transfer['covered']) / 10:.1f} %",
        "facts": facts,
        "counted": counted,
        "weights": every,
    }
