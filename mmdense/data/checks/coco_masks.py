"""Checks of segmentations in COCO annotations: polygons and RLE."""

from __future__ import annotations

import math
from typing import Any

from mmdense.data.checks.coco_entries import CocoEntry

__all__ = ["check_mask"]

_FIELD = "segmentation"
_POLYGON = "a polygon is [x1, y1, x2, y2, x3, y3, ...] with at least three points"
_RUNS = "RLE is {'size': [height, width], 'counts': string or list of numbers}"


def check_mask(annotation: CocoEntry, size: tuple[int, int] | None) -> None:
    """Add a problem if the segmentation is invalid.

    MMDetection drops a polygon of wrong length, and skips an object without valid polygons.

    Args:
        annotation: The annotation.
        size: Width and height of its image in pixels, or None if they are unknown.
    """
    value = annotation.fields.get(_FIELD)
    if not value:
        advice = "training uses masks: add a mask, or remove the annotation"
        annotation.error(_FIELD, advice, "is missing or empty")
    elif isinstance(value, list):
        problems = [_polygon_problem(polygon) for polygon in value]
        if any(problems):
            add = annotation.error if all(problems) else annotation.note
            add(_FIELD, _POLYGON, f"a polygon {next(filter(None, problems))}")
    elif not isinstance(value, dict):
        annotation.error(_FIELD, "write polygons or RLE", f"is a {type(value).__name__}")
    elif problem := _run_lengths_problem(value, size):
        annotation.error(_FIELD, _RUNS, problem)


def _polygon_problem(polygon: Any) -> str:
    if not isinstance(polygon, list):
        return f"is a {type(polygon).__name__}"
    if len(polygon) < 6 or len(polygon) % 2:
        return f"has {len(polygon)} numbers"
    try:
        return "" if math.isfinite(sum(polygon)) else "has a number that is not finite"
    except TypeError:
        return "has an entry that is not a number"


def _run_lengths_problem(runs: dict, image: tuple[int, int] | None) -> str:
    size, counts = runs.get("size"), runs.get("counts")
    if not (isinstance(size, list) and len(size) == 2 and isinstance(counts, str | list)):
        return f"has size {size!r} and counts of type {type(counts).__name__}"
    if image is not None and size != [image[1], image[0]]:
        return f"has size {size} (height, width), but the image is {[image[1], image[0]]}"
    if isinstance(counts, list):
        try:
            total = sum(counts)
        except TypeError:
            return "has counts that are not numbers"
        if total != size[0] * size[1]:
            return f"has counts with a sum of {total}, not {size[0]} * {size[1]}"
    return ""
