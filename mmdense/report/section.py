"""A section of the HTML report, and the templates that make its HTML.

Templates escape all values, and a missing value is an error.
"""

from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_TEMPLATES = Environment(
    loader=PackageLoader("mmdense.report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(name: str, **values: Any) -> Markup:
    """Return a filled template, which other templates do not escape again."""
    return Markup(_TEMPLATES.get_template(name).render(values))


class Notice(NamedTuple):
    """A warning at the top of the report.

    Attributes:
        tone: "bad" if the numbers may be wrong, else "unsure".
        text: One or two sentences.
    """

    tone: str
    text: str


class Section(NamedTuple):
    """One section of the report.

    Attributes:
        name: Anchor.
        title: Heading.
        html: Content; an empty section is left out.
        notices: Warnings that the section adds to the report.
    """

    name: str
    title: str
    html: str
    notices: tuple[Notice, ...] = ()


def part_heading(task: str, group: str | None) -> str:
    """Return the heading of a task and, in a study, of a group of variants."""
    words = ", ".join(part for part in (task, group) if part).replace("_", " ")
    return words[:1].upper() + words[1:]
