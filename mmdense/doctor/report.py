"""Problems, and the printed report of the doctor."""

import textwrap
from dataclasses import dataclass

__all__ = ["Problem", "print_report"]

_WIDTH = 80
_NAMES = 14  # width of the names of an overview
_LINES = 3  # maximum lines of a text; the rest is cut off


@dataclass
class Problem:
    """One problem: a title, details, and what to do.

    ``serious`` is False if everything works in spite of it.
    """

    title: str
    seen: str
    advice: str
    serious: bool = True


Groups = list[tuple[str, list[tuple[str, str]]]]


def print_report(groups: Groups, problems: list[Problem]) -> None:
    """Print the overview, then the problems; no package is needed for it."""
    for title, lines in groups:
        print(title)
        for name, text in lines:
            _paragraph(name, text)
    if serious := sum(problem.serious for problem in problems):
        print(f"Problems to fix: {serious}")
    else:
        print("No serious problem. Notes:" if problems else "No problem found")
    for problem in problems:
        print(f"  {problem.title}")
        _paragraph("seen", problem.seen)
        print(f"  {'do':<{_NAMES}}{problem.advice}")  # whole, so that it can be copied


def _paragraph(name: str, text: str) -> None:
    indent = " " * (_NAMES + 2)
    lines = textwrap.wrap(
        text,
        _WIDTH - len(indent),
        max_lines=_LINES,
        placeholder=" ...",
        break_on_hyphens=False,
    )
    print(f"  {name:<{_NAMES}}" + f"\n{indent}".join(lines))
