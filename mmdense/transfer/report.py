"""What a transfer did, for people: a table, one line for the log, and what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fnmatch import fnmatch
from typing import Any, NamedTuple

__all__ = ["Entry", "TransferReport"]

_ORDER = {
    "matched": "taken as they are",
    "changed": "taken, their values put in the order or scale of the target",
    "resized": "taken, brought to the size of the target",
    "filled": "not in the file; a value that changes nothing",
    "derived": "computed by the target itself",
    "folded": "in the file only; put into a neighbour, exactly",
    "not needed": "in the file only; acts after what the target computes",
    "left over": "in the file only; the target computes something else without it",
    "missing": "needed by the target, not in the file",
    "wrong shape": "in the file, in a shape that no rule brings to the target's",
}
_CARRIED = ("matched", "changed", "resized")
_NOT_CARRIED = ("filled", "missing", "wrong shape")
_WRONG = ("left over", "missing", "wrong shape")
_SHOWN = 6  # names in a message before it says how many more there are


class Entry(NamedTuple):
    """One weight.

    Attributes:
        name: in the target, or the canonical one of a weight that only the file has.
        status: a key of the table in this file.
        numbers: how many it holds.
        note: sizes, or what was done.
    """

    name: str
    status: str
    numbers: int
    note: str = ""


class TransferReport(NamedTuple):
    """What a transfer did.

    Attributes:
        source: the file.
        place: where the backbone stands in it.
        branch: ``'student'``, ``'teacher'`` or ``'ema'``.
        dialects: of the file and of the target.
        target: its class.
        entries: one for each weight.
        doubts: equal shapes with another meaning, by their kind.
        allowed: names and kinds that may be wrong, with ``*`` for any.
    """

    source: str
    place: str
    branch: str
    dialects: tuple[str, str]
    target: str
    entries: Sequence[Entry]
    doubts: dict[str, str]
    allowed: Sequence[str] = ()

    @property
    def covered(self) -> float:
        """Share of the numbers that the target needs which came from the file, 0 to 1."""
        carried = sum(entry.numbers for entry in self.entries if entry.status in _CARRIED)
        others = sum(entry.numbers for entry in self.entries if entry.status in _NOT_CARRIED)
        return carried / max(carried + others, 1)

    def faults(self) -> list[str]:
        """What is wrong and was not allowed, a sentence each."""
        faults = []
        for status in _WRONG:
            wrong = [
                entry
                for entry in self.entries
                if entry.status == status and not self._is_allowed(entry.name)
            ]
            if wrong:
                faults.append(f"{status}: {_listing(wrong)}")
        return faults + [
            f"{kind}: {text}" for kind, text in self.doubts.items() if not self._is_allowed(kind)
        ]

    def table(self) -> str:
        """A table of all kinds of entries, with examples."""
        lines = [f"{self.source} [{self.place}, {self.branch}] -> {self.target}"]
        lines.append(f"  {self.dialects[0]} -> {self.dialects[1]}")
        for status, meaning in _ORDER.items():
            entries = [entry for entry in self.entries if entry.status == status]
            if entries:
                numbers = sum(entry.numbers for entry in entries)
                lines.append(f"  {status:<12}{len(entries):>5}{numbers:>14,}  {meaning}")
                if status not in ("matched", "derived"):
                    lines += [f"      {_named(entry)}" for entry in entries[:_SHOWN]]
                    if len(entries) > _SHOWN:
                        lines.append(f"      and {len(entries) - _SHOWN} more")
        lines += [f"  {kind}: {text}" for kind, text in self.doubts.items()]
        lines.append(f"  {self._percent()} % of what the target needs came from the file")
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """All of it, with the share covered and the line for the log, as JSON can hold it."""
        return {**self._asdict(), "covered": self.covered, "summary": str(self)}

    def __str__(self) -> str:
        """One line for the log."""
        counts = {
            status: sum(entry.status == status for entry in self.entries)
            for status in _ORDER
            if status not in ("derived", "not needed")
        }
        said = ", ".join(f"{number} {status}" for status, number in counts.items() if number)
        return (
            f"{self.target}: {self._percent()} % from {self.source} [{self.place}, "
            f"{self.branch}]: {said}"
        )

    def _percent(self) -> str:
        """The share covered, never rounded up: 100.0 means all of it."""
        return f"{math.floor(1000 * self.covered) / 10:.1f}"

    def _is_allowed(self, name: str) -> bool:
        return any(fnmatch(name, pattern) for pattern in self.allowed)


def _named(entry: Entry) -> str:
    return f"{entry.name} ({entry.note})" if entry.note else entry.name


def _listing(entries: Sequence[Entry]) -> str:
    more = f" and {len(entries) - _SHOWN} more" if len(entries) > _SHOWN else ""
    return ", ".join(_named(entry) for entry in entries[:_SHOWN]) + more
