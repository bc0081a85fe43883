"""The lists of a COCO file, and where an entry stands in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmdense.data.checks.finding import Findings

__all__ = ["KEY_TYPES", "MISSING", "Entries", "read_entries"]

#: Stands where an entry lacks a field; a field that is null is None.
MISSING = object()
#: What an id may be.
KEY_TYPES = (int, str)

_REQUIRED = {
    "images": ("id", "file_name", "width", "height"),
    "annotations": ("id", "image_id", "category_id", "bbox", "area"),
    "categories": ("id", "name"),
}
_SINGULAR = {"images": "image", "annotations": "annotation", "categories": "category"}


@dataclass(frozen=True)
class Entries:
    """One list of the file, without what is no object.

    Attributes:
        key: ``images``, ``annotations`` or ``categories``.
        values: The objects.
        places: The index of each in the file.
    """

    key: str
    values: list[dict]
    places: list[int]

    def __len__(self) -> int:
        return len(self.values)

    def column(self, field: str) -> list[Any]:
        """A field of every entry, :data:`MISSING` where there is none."""
        return [value.get(field, MISSING) for value in self.values]

    def where(self, index: int) -> str:
        """How a person finds entry ``index``."""
        value = self.values[index]
        image = f" of image id {value['image_id']!r}" if "image_id" in value else ""
        number = repr(value["id"]) if "id" in value else "missing"
        return f"{_SINGULAR[self.key]} id {number}{image} ({self.key}[{self.places[index]}])"


def read_entries(coco: dict, key: str, found: Findings) -> Entries:
    """One list of the file; what is not as it should be is added to ``found``."""
    rows = coco.get(key, MISSING)
    if not isinstance(rows, list):
        problem = "is missing" if rows is MISSING else f"is a {type(rows).__name__}"
        found.error("", key, problem, f"a COCO file has a list of {key}")
        rows = []
    places = [place for place, row in enumerate(rows) if isinstance(row, dict)]
    for place in sorted(set(range(len(rows))) - set(places)) if len(places) < len(rows) else ():
        problem = f"is a {type(rows[place]).__name__}"
        found.error(f"{key}[{place}]", key, problem, "an entry is an object with named fields")
    entries = Entries(key, [rows[place] for place in places], places)
    needed = frozenset(_REQUIRED[key])
    for index, entry in enumerate(entries.values):
        if not needed <= entry.keys():
            for field in _REQUIRED[key]:
                if field not in entry:
                    found.error(entries.where(index), field, "is missing", "add the field")
    _check_ids(entries, found)
    return entries


def _check_ids(entries: Entries, found: Findings) -> None:
    """Ids are whole numbers or text, and no two are the same."""
    ids = entries.column("id")
    if set(map(type, ids)) <= set(KEY_TYPES) and len(set(ids)) == len(ids):
        return
    seen = set()
    for index, value in enumerate(ids):
        if value is MISSING:
            continue
        if type(value) not in KEY_TYPES:
            found.error(entries.where(index), "id", f"is {value!r}", "an id is a whole number")
        elif value in seen:
            problem = f"{value!r} was taken by an entry before"
            found.error(entries.where(index), "id", problem, "give each entry an id of its own")
        else:
            seen.add(value)
