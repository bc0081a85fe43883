"""Segmentations of COCO annotations: polygons and run lengths."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mmdense.data.checks.coco_entries import KEY_TYPES, Entries
from mmdense.data.checks.coco_images import ImageSizes
from mmdense.data.checks.finding import Findings

__all__ = ["check_masks"]

_FIELD = "segmentation"
_POLYGON = "a polygon is [x1, y1, x2, y2, x3, y3, ...], at least three points"
_RUNS = "run lengths are {'size': [height, width], 'counts': text or numbers}"


def check_masks(annotations: Entries, sizes: ImageSizes, found: Findings) -> None:
    """Check every segmentation; results go to ``found``."""
    for index, annotation in enumerate(annotations.values):
        segmentation = annotation.get(_FIELD)
        if not segmentation:
            advice = "masks are trained on: draw one, or take the annotation out"
            found.error(annotations.where(index), _FIELD, "is missing or empty", advice)
        elif isinstance(segmentation, list):
            _check_polygons(segmentation, annotations, index, found)
        elif isinstance(segmentation, dict):
            problem = _run_lengths_problem(segmentation, annotation.get("image_id"), sizes)
            if problem:
                found.error(annotations.where(index), _FIELD, problem, _RUNS)
        else:
            problem = f"is a {type(segmentation).__name__}"
            found.error(annotations.where(index), _FIELD, problem, "write polygons or run lengths")


def _check_polygons(polygons: list, annotations: Entries, index: int, found: Findings) -> None:
    """MMDetection drops a polygon of wrong length, and ignores an object that has no other."""
    problems = [problem for polygon in polygons if (problem := _polygon_problem(polygon))]
    if not problems:
        return
    add = found.error if len(problems) == len(polygons) else found.note
    add(annotations.where(index), _FIELD, f"a polygon {problems[0]}", _POLYGON)


def _polygon_problem(polygon: Any) -> str:
    if not isinstance(polygon, list):
        return f"is a {type(polygon).__name__}"
    if len(polygon) < 6 or len(polygon) % 2:
        return f"has {len(polygon)} numbers"
    try:
        return "" if math.isfinite(sum(polygon)) else "has a number that is not finite"
    except TypeError:
        return "has an entry that is no number"


def _run_lengths_problem(runs: dict, image: Any, sizes: ImageSizes) -> str:
    size, counts = runs.get("size"), runs.get("counts")
    if not (isinstance(size, list) and len(size) == 2 and isinstance(counts, str | list)):
        return f"has size {size!r} and counts of type {type(counts).__name__}"
    place = sizes.index.get(image) if type(image) in KEY_TYPES else None
    if place is not None and not np.isnan(sizes.sizes[place]).any():
        width, height = sizes.sizes[place].astype(int).tolist()
        if size != [height, width]:
            return f"has size {size} (height, width), but the image is {[height, width]}"
    if isinstance(counts, list):
        try:
            total = sum(counts)
        except TypeError:
            return "has counts that are no numbers"
        if total != size[0] * size[1]:
            return f"has counts that add up to {total}, not to {size[0]} * {size[1]}"
    return ""
