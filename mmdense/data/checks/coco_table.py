"""The lists of a COCO file as columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmdense.data.checks.problems import DataProblems

__all__ = ["CocoTable", "is_first", "is_key", "numbers", "read_table"]

Mask = np.ndarray[Any, np.dtype[np.bool_]]

_REQUIRED = {
    "images": ("id", "file_name", "width", "height"),
    "annotations": ("id", "image_id", "category_id", "bbox", "area"),
    "categories": ("id", "name"),
}
_SINGULAR = {"images": "image", "annotations": "annotation", "categories": "category"}


@dataclass(frozen=True)
class CocoTable:
    """One list of the file, with the N entries that are JSON objects.

    Attributes:
        key: ``images``, ``annotations`` or ``categories``.
        entries: The entries.
        places: The index of each entry in the file.
        found: Collects the problems.
    """

    key: str
    entries: list[dict]
    places: list[int]
    found: DataProblems

    def __len__(self) -> int:
        return len(self.entries)

    def column(self, field: str) -> np.ndarray:
        """Return a field of every entry, None where it is missing; object [N]."""
        values = (entry.get(field) for entry in self.entries)
        return np.fromiter(values, dtype=object, count=len(self))

    def has(self, field: str) -> Mask:
        """Return whether each entry has a field, [N]."""
        return np.fromiter((field in entry for entry in self.entries), bool, len(self))

    def where(self, index: int) -> str:
        """Return a description of entry ``index`` for messages: its id and place in the file."""
        entry = self.entries[index]
        image = f" of image id {entry['image_id']!r}" if "image_id" in entry else ""
        number = repr(entry["id"]) if "id" in entry else "missing"
        return f"{_SINGULAR[self.key]} id {number}{image} ({self.key}[{self.places[index]}])"

    def error(
        self, wrong: Mask, field: str, advice: str, problem: Callable[[int], str] | None = None
    ) -> None:
        """Add an error for each entry that is ``wrong``, [N].

        ``problem`` returns the text for the index of an entry; by default, it is the field's value.
        """
        self._add(self.found.error, wrong, field, advice, problem)

    def note(
        self, wrong: Mask, field: str, advice: str, problem: Callable[[int], str] | None = None
    ) -> None:
        """Add a note for each entry that is ``wrong``, [N], as :meth:`error`."""
        self._add(self.found.note, wrong, field, advice, problem)

    def _add(
        self,
        add: Callable[[str, str, str, str], None],
        wrong: Mask,
        field: str,
        advice: str,
        problem: Callable[[int], str] | None,
    ) -> None:
        for index in np.flatnonzero(wrong).tolist():
            text = problem(index) if problem else self._value(index, field)
            add(self.where(index), field, text, advice)

    def _value(self, index: int, field: str) -> str:
        if field not in self.entries[index]:
            return "is missing"
        text = repr(self.entries[index][field])
        return f"is {text if len(text) <= 60 else f'{text[:57]}...'}"


def read_table(coco: dict, key: str, found: DataProblems) -> CocoTable:
    """Return one list of the file, and add missing fields and invalid ids to ``found``."""
    rows = coco.get(key)
    if not isinstance(rows, list):
        problem = f"is a {type(rows).__name__}" if key in coco else "is missing"
        found.error("", key, problem, f"a COCO file has a list of {key}")
        rows = []
    objects = [isinstance(row, dict) for row in rows]
    for place in (place for place, is_object in enumerate(objects) if not is_object):
        problem = f"is a {type(rows[place]).__name__}"
        found.error(f"{key}[{place}]", key, problem, "an entry is a JSON object")
    places = [place for place, is_object in enumerate(objects) if is_object]
    table = CocoTable(key, [rows[place] for place in places], places, found)
    for field in _REQUIRED[key]:
        table.error(~table.has(field), field, "add the field")
    ids = table.column("id")
    valid = is_key(ids)
    table.error(table.has("id") & ~valid, "id", "an id is an integer")
    table.error(
        valid & ~is_first(ids, valid),
        "id",
        "give each entry a unique id",
        lambda index: f"{ids[index]!r} is the id of an earlier entry",
    )
    return table


def is_key(column: np.ndarray) -> Mask:
    """Return whether each value can be an id (integer or string), [N]; 1 and "1" differ."""
    return np.fromiter((type(value) in (int, str) for value in column), bool, len(column))


def numbers(column: np.ndarray) -> np.ndarray:
    """Return a column as float64, [N]; NaN for values that are not numbers."""
    values = (value if type(value) in (int, float) else np.nan for value in column)
    return np.fromiter(values, np.float64, len(column))


def is_first(column: np.ndarray, valid: Mask) -> Mask:
    """Return whether each value is valid and the first one of its kind, [N]."""
    first = np.zeros(len(column), dtype=bool)
    places: dict[Any, int] = {}
    for index in np.flatnonzero(valid).tolist():
        places.setdefault(column[index], index)
    first[list(places.values())] = True
    return first
