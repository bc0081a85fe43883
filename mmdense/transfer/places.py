"""Where a weight of a dialect stands among the canonical names, and its values there and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import NamedTuple

from torch import Tensor

from mmdense.transfer.changes import CHANGES, JOINS
from mmdense.transfer.dialect import Dialect
from mmdense.transfer.dialects import DIALECTS
from mmdense.transfer.templates import fill_template, match_template

__all__ = ["Place", "dialect_behind", "places_of", "read_place", "write_place"]


class Place(NamedTuple):
    """One canonical weight in a dialect.

    Attributes:
        own: its name there, or the names of its parts.
        change: what happens to its values, of ``CHANGES``, or of ``JOINS`` where there are parts.
    """

    own: tuple[str, ...]
    change: str | None = None


def dialect_behind(names: Iterable[str]) -> tuple[str, Dialect | None]:
    """What stands before all names of a backbone, and the dialect of what follows.

    A backbone may hold another model, as MMPretrain's ``TIMMBackbone`` does (``timm_model.``).
    Without a dialect nothing stands before them.
    """
    names = list(names)
    if (dialect := _dialect_of(names)) is not None or not names:
        return "", dialect
    parts = zip(*(name.split(".") for name in names))
    shared = [first for first, *others in takewhile(lambda part: len(set(part)) == 1, parts)]
    prefix = ".".join([*shared, ""])
    inner = _dialect_of([name.removeprefix(prefix) for name in names])
    return ("", None) if inner is None else (prefix, inner)


def _dialect_of(names: list[str]) -> Dialect | None:
    """The first dialect whose marks all stand among some names."""
    for dialect in DIALECTS:
        if all(
            any(match_template(mark, name) is not None for name in names) for mark in dialect.marks
        ):
            return dialect
    return None


def places_of(names: Iterable[str], dialect: Dialect | None) -> tuple[dict[str, Place], list[str]]:
    """Translate names.

    Args:
        names: of the weights of a backbone.
        dialect: theirs; without one, every name stands for itself.

    Returns:
        Places by their canonical names, and the names that the dialect does not know.
    """
    names = list(names)
    if dialect is None:
        return {name: Place((name,)) for name in names}, []
    places: dict[str, Place] = {}
    unknown = []
    for name in names:
        for row in dialect.rows:
            fields = match_template(row.own, name)
            if fields is not None:
                places[fill_template(row.canonical, fields)] = Place((name,), row.change)
                break
        else:
            unknown.append(name)
    for join in dialect.joins:
        for name in unknown:
            fields = match_template(join.own[0], name)
            if fields is not None:
                own = tuple(fill_template(part, fields) for part in join.own)
                places[fill_template(join.canonical, fields)] = Place(own, join.change)
    joined = {name for place in places.values() for name in place.own}
    return places, [name for name in unknown if name not in joined]


def read_place(place: Place, weights: Mapping[str, Tensor]) -> Tensor:
    """The canonical values of a place.

    Raises:
        KeyError: a part is not among the weights.
    """
    values = [weights[name] for name in place.own]
    if len(values) > 1:
        return JOINS[str(place.change)].join(values)
    return values[0] if place.change is None else CHANGES[place.change].to_canonical(values[0])


def write_place(place: Place, value: Tensor) -> dict[str, Tensor]:
    """The weights of the dialect that have some canonical values."""
    if len(place.own) > 1:
        return dict(zip(place.own, JOINS[str(place.change)].split(value), strict=True))
    if place.change is not None:
        value = CHANGES[place.change].from_canonical(value)
    return {place.own[0]: value}
