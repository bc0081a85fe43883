"""The result of a transfer, as a table, a log line and JSON."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

from mmdense.transfer.plan import PlannedWeight, Status
from mmdense.transfer.silent_mismatch import SilentMismatch

__all__ = ["TRANSFER_FILE_NAME", "TransferReport"]

TRANSFER_FILE_NAME = "transfer.json"

_MEANINGS = {
    Status.MATCHED: "loaded without a change",
    Status.CONVERTED: "loaded, values in the order or scale of the target",
    Status.RESIZED: "loaded, resized to the target",
    Status.FILLED: "not in the file; set to a neutral value",
    Status.DERIVED: "computed by the target",
    Status.FOLDED: "only in the file; folded into an adjacent weight, exactly",
    Status.NOT_NEEDED: "only in the file; used after the last layer of the target",
    Status.LEFT_OVER: "only in the file; without it the output of the target differs",
    Status.MISSING: "needed by the target, not in the file",
    Status.WRONG_SHAPE: "in the file, with a shape that no rule converts",
}
_LOADED = (Status.MATCHED, Status.CONVERTED, Status.RESIZED)
_NOT_LOADED = (Status.FILLED, Status.MISSING, Status.WRONG_SHAPE)
_WRONG = (Status.LEFT_OVER, Status.MISSING, Status.WRONG_SHAPE)
_EXAMPLES = 6  # weights listed in a message; the rest is counted


@dataclass(frozen=True)
class TransferReport:
    """The result of a transfer."""

    checkpoint: str  # file or address
    location: str  # of the backbone in the file
    branch: str  # 'student', 'teacher' or 'ema'
    schemes: tuple[str, str]  # key naming schemes of the file and of the target
    target: str  # class of the target
    entries: Sequence[PlannedWeight]
    mismatches: Sequence[SilentMismatch]
    allowed: Sequence[str] = ()  # names of weights and kinds of mismatches; * matches any

    @property
    def covered(self) -> float:
        """Fraction of the parameters of the target that were loaded from the file."""
        loaded = sum(entry.numel for entry in self.entries if entry.status in _LOADED)
        others = sum(entry.numel for entry in self.entries if entry.status in _NOT_LOADED)
        return loaded / max(loaded + others, 1)

    def faults(self) -> list[str]:
        """Return the faults that are not allowed, one line each."""
        faults = []
        for status in _WRONG:
            wrong = [entry for entry in self.entries if entry.status is status]
            wrong = [entry for entry in wrong if not self._is_allowed(entry.name)]
            if wrong:
                more = f" and {len(wrong) - _EXAMPLES} more" if len(wrong) > _EXAMPLES else ""
                examples = ", ".join(_described(entry) for entry in wrong[:_EXAMPLES])
                faults.append(f"{status.value}: {examples}{more}")
        different = [one for one in self.mismatches if not self._is_allowed(one.kind)]
        return faults + [f"{mismatch.kind}: {mismatch}" for mismatch in different]

    def table(self) -> str:
        """Return a table of all kinds of entries, with examples."""
        lines = [f"{self.checkpoint} ({self.location}, {self.branch}) -> {self.target}"]
        lines.append(f"  {self.schemes[0]} -> {self.schemes[1]}")
        for status, meaning in _MEANINGS.items():
            entries = [entry for entry in self.entries if entry.status is status]
            if not entries:
                continue
            numel = sum(entry.numel for entry in entries)
            lines.append(f"  {status.value:<12}{len(entries):>5}{numel:>14,}  {meaning}")
            if status not in (Status.MATCHED, Status.DERIVED):
                lines += [f"      {_described(entry)}" for entry in entries[:_EXAMPLES]]
                if len(entries) > _EXAMPLES:
                    lines.append(f"      and {len(entries) - _EXAMPLES} more")
        lines += [f"  {mismatch.kind}: {mismatch}" for mismatch in self.mismatches]
        lines.append(f"  {self._percent()} % of the weights of the target are from the file")
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Return the entry for transfer.json, whose keys are older than the fields here."""
        return {
            "source": self.checkpoint,
            "place": self.location,
            "branch": self.branch,
            "dialects": self.schemes,
            "target": self.target,
            "entries": self.entries,
            "doubts": {mismatch.kind: str(mismatch) for mismatch in self.mismatches},
            "allowed": list(self.allowed),
            "covered": self.covered,
            "summary": str(self),
        }

    def __str__(self) -> str:
        """One line for the log."""
        shown = [one for one in Status if one not in (Status.DERIVED, Status.NOT_NEEDED)]
        counts = {
            status.value: sum(entry.status is status for entry in self.entries) for status in shown
        }
        return (
            f"{self.target}: {self._percent()} % of the weights loaded from {self.checkpoint} "
            f"({self.location}, {self.branch}): "
            + ", ".join(f"{number} {status}" for status, number in counts.items() if number)
        )

    def _percent(self) -> str:
        """The covered fraction, never rounded up: 100.0 means all of it."""
        return f"{math.floor(1000 * self.covered) / 10:.1f}"

    def _is_allowed(self, name: str) -> bool:
        return any(fnmatch(name, pattern) for pattern in self.allowed)


def _described(entry: PlannedWeight) -> str:
    return f"{entry.name} ({entry.note})" if entry.note else entry.name
