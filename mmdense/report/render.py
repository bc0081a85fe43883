"""Templates of the report: values are escaped, and a missing value is an error."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

__all__ = ["render"]

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
