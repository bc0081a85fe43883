"""Boxes, areas and references of COCO annotations, for a million of them in a few seconds."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np

from mmdense.data.checks.coco_entries import KEY_TYPES, MISSING, Entries
from mmdense.data.checks.coco_images import ImageSizes
from mmdense.data.checks.finding import Findings

__all__ = ["check_boxes"]

_NUMBERS = {int, float}
_FORMAT = "a COCO box is [x, y, width, height] in pixels"
_OUTSIDE = f"{_FORMAT}, not two corners, and of the picture as its entry gives its size"
_LEFT_OUT = "MMDetection leaves the object out: draw it again or take it out"


def check_boxes(
    annotations: Entries,
    images: Entries,
    sizes: ImageSizes,
    categories: Entries,
    found: Findings,
    *,
    evaluation: bool,
) -> None:
    """Check everything of the annotations but their masks; results go to ``found``."""
    _check_references(annotations, "image_id", set(sizes.index), found)
    known = {value for value in categories.column("id") if type(value) in KEY_TYPES}
    _check_references(annotations, "category_id", known, found)
    _check_crowd(annotations, found, evaluation=evaluation)
    chosen, boxes = _boxes(annotations, found)  # [M], [M, 4]
    _check_extent(annotations, chosen, boxes, found)
    _check_place(annotations, images, sizes, chosen, boxes, found)
    _check_areas(annotations, chosen, boxes, found)


def _check_references(annotations: Entries, field: str, known: set, found: Findings) -> None:
    """A reference leads to an entry; 1 and "1" are two ids."""
    target = {"image_id": "images", "category_id": "categories"}[field]
    for index, value in enumerate(annotations.column(field)):
        if value is MISSING or (type(value) in KEY_TYPES and value in known):
            continue
        advice = f"add the entry to {target}, or take the annotation out"
        found.error(annotations.where(index), field, f"{value!r} is not in {target}", advice)


def _check_crowd(annotations: Entries, found: Findings, *, evaluation: bool) -> None:
    for index, value in enumerate(annotations.column("iscrowd")):
        if value is MISSING:
            if evaluation:
                advice = "COCO's evaluation reads it: write 0 for a single object"
                found.error(annotations.where(index), "iscrowd", "is missing", advice)
        elif type(value) not in (int, bool) or value not in (0, 1):
            advice = "write 0 for a single object, 1 for a crowd"
            found.error(annotations.where(index), "iscrowd", f"is {value!r}", advice)


def _boxes(annotations: Entries, found: Findings) -> tuple[np.ndarray, np.ndarray]:
    """The boxes that are four finite numbers: their entries ``[M]`` and values ``[M, 4]``."""
    column = annotations.column("bbox")
    chosen = [index for index, box in enumerate(column) if type(box) is list and len(box) == 4]
    if not set(map(type, chain.from_iterable(column[index] for index in chosen))) <= _NUMBERS:
        chosen = [index for index in chosen if set(map(type, column[index])) <= _NUMBERS]
    boxes = np.array([column[index] for index in chosen], dtype=np.float64).reshape(-1, 4)
    finite = np.isfinite(boxes).all(axis=1)
    kept = np.array(chosen, dtype=np.int64)[finite]
    if len(kept) < len(column):
        for index in sorted(set(range(len(column))) - set(kept.tolist())):
            if column[index] is not MISSING:
                problem = f"is {_short(column[index])}"
                found.error(annotations.where(index), "bbox", problem, f"{_FORMAT}, four numbers")
    return kept, boxes[finite]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check_extent(
    annotations: Entries, chosen: np.ndarray, boxes: np.ndarray, found: Findings
) -> None:
    """Width and height."""
    least = boxes[:, 2:].min(axis=1, initial=np.inf)
    for row in np.flatnonzero(least < 0):
        problem = f"{boxes[row].tolist()} has a negative width or height"
        found.error(annotations.where(chosen[row]), "bbox", problem, _FORMAT)
    for row in np.flatnonzero((least >= 0) & (least < 1)):
        kind = "no size" if least[row] == 0 else "less than a pixel of width or height"
        problem = f"{boxes[row].tolist()} has {kind}"
        found.note(annotations.where(chosen[row]), "bbox", problem, _LEFT_OUT)


def _check_place(
    annotations: Entries,
    images: Entries,
    sizes: ImageSizes,
    chosen: np.ndarray,
    boxes: np.ndarray,
    found: Findings,
) -> None:
    """Where the box lies in its picture.

    A box that is outside by more than half of its area is an error: it is in another format or of
    another size of the picture. MMDetection clips what sticks out less. One pixel is rounding.
    """
    owner = np.array(_owners(annotations, sizes), dtype=np.int64)[chosen]  # [M]
    size = sizes.sizes[owner]  # [M, 2] width, height
    size[owner < 0] = np.nan
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]  # [M, 2]
    inside = np.clip(np.minimum(high, size) - np.maximum(low, 0), 0, None).prod(axis=1)
    area = boxes[:, 2:].prod(axis=1)
    comparable = (boxes[:, 2:] > 0).all(axis=1) & ~np.isnan(size).any(axis=1)
    share = np.divide(inside, area, out=np.ones_like(area), where=comparable)
    overhang = np.maximum(-low, high - size).max(axis=1, initial=-np.inf)
    beyond = comparable & (overhang > 1)
    for row in np.flatnonzero(beyond | (comparable & (share < 0.5))):
        picture = images.values[owner[row]]
        problem = (
            f"{boxes[row].tolist()} is {1 - share[row]:.0%} outside of {picture.get('file_name')}, "
            f"{size[row, 0]:g}x{size[row, 1]:g}"
        )
        where = annotations.where(chosen[row])
        if share[row] < 0.5:
            found.error(where, "bbox", problem, _OUTSIDE)
        else:
            found.note(where, "bbox", problem, "MMDetection's Resize clips it to the picture")


def _owners(annotations: Entries, sizes: ImageSizes) -> list[int]:
    """Which image each annotation belongs to; -1 where it belongs to none."""
    place = sizes.index.get
    return [
        place(value, -1) if type(value) in KEY_TYPES else -1
        for value in annotations.column("image_id")
    ]


def _check_areas(
    annotations: Entries, chosen: np.ndarray, boxes: np.ndarray, found: Findings
) -> None:
    """MMDetection leaves out every object whose area is not positive."""
    column = annotations.column("area")
    # NaN fails every comparison.
    bad = [
        index
        for index, area in enumerate(column)
        if type(area) not in _NUMBERS or not 0 < area < np.inf
    ]
    visible = set(chosen[(boxes[:, 2:] >= 1).all(axis=1)].tolist()) if bad else set()
    for index in bad:
        area = column[index]
        number = type(area) in _NUMBERS and np.isfinite(area)
        if area is MISSING or (number and area == 0 and index not in visible):
            continue
        advice = "the object would be left out: write the pixels of the mask, or width * height"
        found.error(annotations.where(index), "area", f"is {_short(area)}", advice)
