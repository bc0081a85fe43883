"""Names of weights as templates: ``layers.{i}.ln1.*`` stands for the first norm of every block.

``{i}`` is a number, ``{i+1}`` a number that is one more, ``*`` at the end is any rest. Two
templates with the same fields translate a name into another.
"""

from __future__ import annotations

import re
from functools import cache

_FIELD = re.compile(r"\{(\w+?)(?:\+(\d+))?\}|\*$")


def match_template(template: str, name: str) -> dict[str, str | int] | None:
    """Read the fields of a name; ``None`` if the template does not describe it."""
    found = _pattern(template).fullmatch(name)
    if found is None:
        return None
    fields: dict[str, str | int] = {}
    for key, text in found.groupdict().items():
        fields[key] = text if key == "rest" else int(text) - _shift(template, key)
    numbers = [value for value in fields.values() if isinstance(value, int)]
    return fields if all(number >= 0 for number in numbers) else None


def fill_template(template: str, fields: dict[str, str | int]) -> str:
    """Write the name that a template gives with some fields.

    Raises:
        KeyError: a field of the template has no value.
    """

    def value(found: re.Match[str]) -> str:
        if found[0] == "*":
            return str(fields["rest"])
        return str(int(fields[found[1]]) + int(found[2] or 0))

    return _FIELD.sub(value, template)


def any_matches(templates: tuple[str, ...], name: str) -> bool:
    """Tell whether one of the templates describes a name."""
    return any(match_template(template, name) is not None for template in templates)


def prefix_before(template: str, name: str) -> str | None:
    """What stands before a name that ends as the template says: ``""``, or up to a dot."""
    found = _ending(template).fullmatch(name)
    return None if found is None else found["prefix"]


@cache
def _ending(template: str) -> re.Pattern[str]:
    return re.compile(rf"(?P<prefix>(?:.+\.)?){_pattern(template).pattern}")


@cache
def _pattern(template: str) -> re.Pattern[str]:
    parts, end = [], 0
    for found in _FIELD.finditer(template):
        parts.append(re.escape(template[end : found.start()]))
        parts.append("(?P<rest>.+)" if found[0] == "*" else rf"(?P<{found[1]}>\d+)")
        end = found.end()
    return re.compile("".join(parts) + re.escape(template[end:]))


@cache
def _shift(template: str, field: str) -> int:
    return next(int(found[2] or 0) for found in _FIELD.finditer(template) if found[1] == field)
