"""What a check of a data set finds, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Findings", "errors_of"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    Attributes:
        level: ``error``: a training would break or learn something wrong. ``note``: the hosts put
            up with it, often by leaving something out.
        file: The file that is to be mended.
        where: The entry in the file, such as "annotation id 7 (annotations[3])".
        field: The field of the entry.
        problem: What is wrong.
        advice: What to do; the same words for the same kind of problem.
    """

    level: Literal["error", "note"]
    file: str
    where: str
    field: str
    problem: str
    advice: str

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"{self.file}: {where}{self.field}: {self.problem}; {self.advice}"


class Findings(list[Finding]):
    """A list of findings in one file, in the order of the checks."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = file

    def error(self, where: str, field: str, problem: str, advice: str) -> None:
        """Add an error."""
        self.append(Finding("error", self.file, where, field, problem, advice))

    def note(self, where: str, field: str, problem: str, advice: str) -> None:
        """Add a note."""
        self.append(Finding("note", self.file, where, field, problem, advice))


def errors_of(findings: list[Finding]) -> list[Finding]:
    """The errors alone."""
    return [finding for finding in findings if finding.level == "error"]
