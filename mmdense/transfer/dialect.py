"""What a dialect is: the names that a publisher gives to the weights of a backbone."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Dialect", "Join", "Row", "rows", "same"]


class Row(NamedTuple):
    """One kind of weight in two dialects, as templates.

    Attributes:
        own: its name in the dialect.
        canonical: its name in the canonical dialect.
        change: what happens to the values on the way, a name in
            :data:`~mmdense.transfer.changes.CHANGES`.
    """

    own: str
    canonical: str
    change: str | None = None


class Join(NamedTuple):
    """Several weights of the dialect that are one canonical weight.

    Attributes:
        own: their names, all of them needed.
        canonical: its name.
        change: how they become one, a name in :data:`~mmdense.transfer.changes.JOINS`.
    """

    own: tuple[str, ...]
    canonical: str
    change: str


class Dialect(NamedTuple):
    """The names of one publisher.

    Attributes:
        name: for people.
        family: dialects of one family translate into each other.
        marks: names that all stand in a state dict of the dialect.
        rows: weights that are renamed.
        joins: weights that are put together.
        heads: names that belong to no backbone (classifiers, decoders, derived buffers).
        optional: canonical names of weights that some of its sources do not have because their
            networks lack that part; a source with one of a kind has lost the others.
    """

    name: str
    family: str
    marks: tuple[str, ...]
    rows: tuple[Row, ...]
    joins: tuple[Join, ...] = ()
    heads: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


def rows(*pairs: tuple[str, ...]) -> tuple[Row, ...]:
    """Rows of ``(own, canonical)`` or ``(own, canonical, change)``."""
    return tuple(Row(*pair) for pair in pairs)


def same(*names: str) -> tuple[Row, ...]:
    """Rows of weights that have their canonical names."""
    return tuple(Row(name, name) for name in names)
