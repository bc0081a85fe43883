"""Problems, and the printed report of the doctor."""

import sys
import textwrap
from collections.abc import Callable
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
    """Print the overview, then the problems, to the standard output."""
    show = _printer()
    for title, lines in groups:
        show(title, "bold")
        for name, text in lines:
            _paragraph(show, name, text, "")
    serious = [problem for problem in problems if problem.serious]
    if serious:
        show(f"Problems to fix: {len(serious)}", "bold red")
    elif problems:
        show("No serious problem. Notes:", "bold green")
    else:
        show("No problem found", "bold green")
    for problem in problems:
        show(f"  {problem.title}", "red" if problem.serious else "yellow")
        _paragraph(show, "seen", problem.seen, "")
        _paragraph(show, "do", problem.advice, "cyan")


def _printer() -> Callable[[str, str], None]:
    """Return ``show(text, style)``, which ignores styles if rich cannot be imported."""
    try:
        from rich.console import Console
    except ImportError:
        return lambda text, style: print(text)
    console = Console(file=sys.stdout)

    def show(text: str, style: str) -> None:
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    return show


def _paragraph(show: Callable[[str, str], None], name: str, text: str, style: str) -> None:
    """Print a name and its text; a command is never cut, so that it can be copied."""
    indent = " " * (_NAMES + 2)
    first = f"  {name:<{_NAMES}}"
    if style:
        show(first + text, style)
        return
    lines = textwrap.wrap(text, _WIDTH - len(indent), break_on_hyphens=False) or [""]
    if len(lines) > _LINES:
        lines = [*lines[: _LINES - 1], lines[_LINES - 1][: _WIDTH - len(indent) - 4] + " ..."]
    show(first + lines[0], style)
    for line in lines[1:]:
        show(indent + line, style)
