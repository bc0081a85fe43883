"""The templates of the page: what is put into them is escaped, and a missing value is an error."""

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
    """The text of a template with its values, which is not escaped again in another."""
    return Markup(_TEMPLATES.get_template(name).render(values))
