"""Checks of segmentations in COCO annotations: polygons and RLE."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mmdense.data.checks.coco_images import ImageSizes
from mmdense.data.checks.coco_table import CocoTable

__all__ = ["check_masks"]

_FIELD = "segmentation"
_POLYGON = "a polygon is [x1, y1, x2, y2, x3, y3, ...] with at least three points"
_RUNS = "RLE is {'size': [height, width], 'counts': string or list of numbers}"


def check_masks(annotations: CocoTable, sizes: ImageSizes) -> None:
    """Add a problem for each invalid segmentation.

    MMDetection drops a polygon of wrong length, and skips an object without valid polygons.
    """
    column = annotations.column(_FIELD)
    kind = np.array([type(value) if value else None for value in column], dtype=object)
    empty, lists, objects = kind == None, kind == list, kind == dict  # noqa: E711, E721
    annotations.error(
        empty,
        _FIELD,
        "training uses masks: add a mask, or remove the annotation",
        lambda _: "is missing or empty",
    )
    annotations.error(
        ~empty & ~lists & ~objects,
        _FIELD,
        "write polygons or RLE",
        lambda index: f"is a {kind[index].__name__}",
    )
    polygons = {
        index: [_polygon_problem(polygon) for polygon in column[index]]
        for index in np.flatnonzero(lists).tolist()
    }
    some, every = lists.copy(), lists.copy()
    some[lists] = [any(problems) for problems in polygons.values()]
    every[lists] = [all(problems) for problems in polygons.values()]

    def first(index: int) -> str:
        return f"a polygon {next(filter(None, polygons[index]))}"

    annotations.error(every, _FIELD, _POLYGON, first)
    annotations.note(some & ~every, _FIELD, _POLYGON, first)
    size = sizes.sizes[sizes.rows_of(annotations.column("image_id"))]  # [N, 2]
    runs = np.full(len(column), "", dtype=object)
    for index in np.flatnonzero(objects).tolist():
        runs[index] = _run_lengths_problem(column[index], size[index])
    annotations.error(runs != "", _FIELD, _RUNS, lambda index: runs[index])


def _polygon_problem(polygon: Any) -> str:
    if not isinstance(polygon, list):
        return f"is a {type(polygon).__name__}"
    if len(polygon) < 6 or len(polygon) % 2:
        return f"has {len(polygon)} numbers"
    try:
        return "" if math.isfinite(sum(polygon)) else "has a number that is not finite"
    except TypeError:
        return "has an entry that is not a number"


def _run_lengths_problem(runs: dict, image: np.ndarray) -> str:
    """Return the problem of an RLE for an image size [width, height], which may be NaN."""
    size, counts = runs.get("size"), runs.get("counts")
    if not (isinstance(size, list) and len(size) == 2 and isinstance(counts, str | list)):
        return f"has size {size!r} and counts of type {type(counts).__name__}"
    if not np.isnan(image).any():
        width, height = image.astype(int).tolist()
        if size != [height, width]:
            return f"has size {size} (height, width), but the image is {[height, width]}"
    if isinstance(counts, list):
        try:
            total = sum(counts)
        except TypeError:
            return "has counts that are not numbers"
        if total != size[0] * size[1]:
            return f"has counts with a sum of {total}, not {size[0]} * {size[1]}"
    return ""
