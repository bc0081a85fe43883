"""Problems of a data set, and their table on the terminal."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["DataProblem", "DataProblems", "print_problems"]

_EXAMPLES = 3


@dataclass(frozen=True)
class DataProblem:
    """One problem of the data.

    Attributes:
        level: ``error``: a training fails or learns from wrong labels. ``note``: upstream accepts
            or skips the entry.
        file: The file with the problem.
        where: The entry in the file, such as "annotation id 7 (annotations[3])".
        field: The field of the entry.
        problem: The fault.
        advice: The remedy; the same text for all problems of one kind.
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


class DataProblems(list[DataProblem]):
    """The problems of one file, in the order of the checks."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = file

    def error(self, where: str, field: str, problem: str, advice: str) -> None:
        """Add an error."""
        self.append(DataProblem("error", self.file, where, field, problem, advice))

    def note(self, where: str, field: str, problem: str, advice: str) -> None:
        """Add a note."""
        self.append(DataProblem("note", self.file, where, field, problem, advice))


def print_problems(title: str, problems: list[DataProblem], console: Console) -> None:
    """Print one row for each kind of problem, errors first, with the first three examples.

    The title shows the file if all problems are in one file, otherwise each example does. Problems
    of one kind have the same level, field and advice.
    """
    if not problems:
        console.print(f"{title}: no problem found", markup=False, highlight=False)
        return
    kinds: dict[tuple[str, str, str], list[DataProblem]] = defaultdict(list)
    for problem in problems:
        kinds[problem.level, problem.field, problem.advice].append(problem)
    one_file = len({problem.file for problem in problems}) == 1
    in_title = f"{title}: {problems[0].file}" if one_file else title
    table = Table(title=Text(in_title), title_justify="left", show_lines=True)
    for heading in ("level", "field"):
        table.add_column(heading, no_wrap=True)
    table.add_column("count", justify="right")
    table.add_column("examples", overflow="fold")
    table.add_column("what to do", overflow="fold")
    for (level, field, advice), group in sorted(kinds.items(), key=lambda kind: kind[0][0]):
        examples = [
            ": ".join(filter(None, ("" if one_file else one.file, one.where, one.problem)))
            for one in group[:_EXAMPLES]
        ]
        if len(group) > _EXAMPLES:
            examples.append("...")
        table.add_row(level, field, f"{len(group):,}", "\n".join(examples), advice)
    console.print(table, markup=False, highlight=False)
