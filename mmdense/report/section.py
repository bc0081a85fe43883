"""A section of the page."""

from typing import NamedTuple

__all__ = ["Notice", "Section", "part_heading"]


class Notice(NamedTuple):
    """What a reader must know before the numbers.

    Attributes:
        tone: "bad" where it touches what the numbers mean, else "unsure".
        text: A sentence.
    """

    tone: str
    text: str


class Section(NamedTuple):
    """One part of the page.

    Attributes:
        name: Its anchor.
        title: Its heading.
        html: What is below the heading; empty where there is nothing to show.
        notices: What it found that a reader must know.
    """

    name: str
    title: str
    html: str
    notices: tuple[Notice, ...] = ()


def part_heading(task: str, group: str | None) -> str:
    """Heading of what belongs to a task and, in a study, to a group of variants."""
    words = ", ".join(part for part in (task, group) if part).replace("_", " ")
    return words[:1].upper() + words[1:]
