"""The entries of a COCO file, each with its place for messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmdense.data.checks.problems import DataProblems

__all__ = ["CocoEntry", "is_key", "read_entries"]

_REQUIRED = {
    "images": ("id", "file_name", "width", "height"),
    "annotations": ("id", "image_id", "category_id", "bbox", "area"),
    "categories": ("id", "name"),
}
_SINGULAR = {"images": "image", "annotations": "annotation", "categories": "category"}


@dataclass(frozen=True, slots=True)
class CocoEntry:
    """One JSON object of a list of the file.

    Attributes:
        key: ``images``, ``annotations`` or ``categories``.
        place: Its index in the list.
        fields: The object.
        found: Collects the problems of the file.
    """

    key: str
    place: int
    fields: dict[str, Any]
    found: DataProblems

    @property
    def has_id(self) -> bool:
        """Whether the entry has a valid id."""
        return is_key(self.fields.get("id"))

    @property
    def where(self) -> str:
        """A description for messages: the id and the place in the file."""
        number = repr(self.fields["id"]) if "id" in self.fields else "missing"
        image = f" of image id {self.fields['image_id']!r}" if "image_id" in self.fields else ""
        return f"{_SINGULAR[self.key]} id {number}{image} ({self.key}[{self.place}])"

    def error(self, field: str, advice: str, problem: str | None = None) -> None:
        """Add an error; the default problem is the value of the field."""
        self.found.error(self.where, field, problem or self._value(field), advice)

    def note(self, field: str, advice: str, problem: str) -> None:
        """Add a note."""
        self.found.note(self.where, field, problem, advice)

    def _value(self, field: str) -> str:
        if field not in self.fields:
            return "is missing"
        text = repr(self.fields[field])
        return f"is {text if len(text) <= 60 else f'{text[:57]}...'}"


def read_entries(coco: dict, key: str, found: DataProblems) -> list[CocoEntry]:
    """Return the JSON objects of one list, and add missing fields and invalid ids to ``found``."""
    rows = coco.get(key)
    if not isinstance(rows, list):
        problem = f"is a {type(rows).__name__}" if key in coco else "is missing"
        found.error("", key, problem, f"a COCO file has a list of {key}")
        rows = []
    entries, ids = [], set()
    for place, row in enumerate(rows):
        if not isinstance(row, dict):
            problem = f"is a {type(row).__name__}"
            found.error(f"{key}[{place}]", key, problem, "an entry is a JSON object")
            continue
        entry = CocoEntry(key, place, row, found)
        entries.append(entry)
        for field in _REQUIRED[key]:
            if field not in row:
                entry.error(field, "add the field")
        if not entry.has_id:
            if "id" in row:
                entry.error("id", "an id is an integer")
        elif row["id"] in ids:
            problem = f"{row['id']!r} is the id of an earlier entry"
            entry.error("id", "give each entry a unique id", problem)
        else:
            ids.add(row["id"])
    return entries


def is_key(value: Any) -> bool:
    """Return whether a value can be an id (integer or string); 1 and "1" differ."""
    return type(value) in (int, str)
