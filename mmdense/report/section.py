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
    """A warning above the results; ``tone`` is "bad" if numbers may be wrong, else "unsure"."""

    tone: str
    text: str


class Section(NamedTuple):
    """A section of the report with its anchor ``name``, and warnings that it adds to the report.

    A section with empty ``html`` is left out.
    """

    name: str
    title: str
    html: str
    notices: tuple[Notice, ...] = ()


def part_heading(task: str, group: str | None) -> str:
    """Return the heading of a task and, in a study, of a group of variants."""
    words = ", ".join(part for part in (task, group) if part).replace("_", " ")
    return words[:1].upper() + words[1:]
