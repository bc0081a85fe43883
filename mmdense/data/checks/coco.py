"""Checks of annotations in COCO format.

The level of a problem follows from what MMDetection's ``CocoDataset`` does with the entry. It is an
error if the data set fails or trains on wrong labels, and a note if it skips or accepts the entry.
For example, the two boxes without height in COCO's train2017 are notes.

Each check is a condition on columns, so a million annotations take a few seconds. The image files
are checked in ``coco_images.py``, the segmentations in ``coco_masks.py``.

Legend: N annotations, K images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmdense.data.checks.coco_images import ImageSizes, check_files, image_sizes
from mmdense.data.checks.coco_masks import check_masks
from mmdense.data.checks.coco_table import CocoTable, is_first, is_key, numbers, read_table
from mmdense.data.checks.problems import DataProblem, DataProblems

__all__ = ["check_coco"]

_NUMBERS = {int, float}
_NO_BOX = [np.nan] * 4
_FORMAT = "a COCO box is [x, y, width, height] in pixels"
_OUTSIDE = f"{_FORMAT}, not two corners, and refers to the image size in the images entry"
_LEFT_OUT = "MMDetection skips the object: annotate it again or remove it"


def check_coco(
    coco: Any,
    file: str,
    *,
    classes: Sequence[str] | None = None,
    masks: bool = False,
    evaluation: bool = False,
    image_folder: Path | None = None,
    turned_by_exif: bool = True,
) -> list[DataProblem]:
    """Return the problems of a COCO file, without decoding images.

    Args:
        coco: The content of the JSON file.
        file: Its name, for the problems.
        classes: The classes of the config; None skips the comparison.
        masks: Whether the segmentations are used.
        evaluation: Whether the file is used for evaluation. COCO's evaluation needs ``iscrowd``,
            and the file of a test set may have no annotations.
        image_folder: The folder of the images, whose headers are compared with the entries. None
            skips the image files.
        turned_by_exif: Whether the pipeline applies the EXIF orientation, as mmcv does by default.
    """
    found = DataProblems(file)
    if not isinstance(coco, dict):
        problem = f"holds a {type(coco).__name__}"
        found.error("", "file", problem, "a COCO file is an object with images and annotations")
        return found
    if evaluation and "annotations" not in coco:
        coco = {**coco, "annotations": []}
    images = read_table(coco, "images", found)
    categories = read_table(coco, "categories", found)
    annotations = read_table(coco, "annotations", found)
    if coco.get("images") == []:
        found.error("", "images", "the list is empty", "add at least one image")
    if coco.get("annotations") == []:
        add = found.note if evaluation else found.error
        advice = "training and evaluation need at least one annotation"
        add("", "annotations", "the list is empty", advice)
    _check_categories(categories, classes)
    sizes = image_sizes(images)
    _check_reference(annotations, "image_id", images)
    _check_reference(annotations, "category_id", categories)
    _check_crowd(annotations, evaluation=evaluation)
    boxes = _boxes(annotations)  # [N, 4]
    _check_extent(annotations, boxes)
    _check_place(annotations, images, sizes, boxes)
    _check_areas(annotations, boxes)
    if masks:
        check_masks(annotations, sizes)
    if image_folder is not None:
        check_files(images, sizes, image_folder, turned_by_exif=turned_by_exif)
    return found


def _check_categories(categories: CocoTable, classes: Sequence[str] | None) -> None:
    """Check that names are unique strings and match the config, including their order.

    MMDetection numbers the labels in the order of the file and takes the names from the config.
    """
    column = categories.column("name")
    text = np.array([isinstance(name, str) for name in column], dtype=bool)
    categories.error(categories.has("name") & ~text, "name", "a name is a string")
    categories.error(
        text & ~is_first(column, text),
        "name",
        "merge or rename the categories",
        lambda index: f"{column[index]!r} is the name of an earlier category",
    )
    names = column[text].tolist()
    if classes is None:
        return
    found = categories.found
    if missing := [name for name in classes if name not in names]:
        found.error(
            "",
            "categories",
            f"the file has {_listed(names)}; missing classes of the config: {_listed(missing)}",
            "set metainfo=dict(classes=...) of the data set to the names in the file",
        )
    unique = list(dict.fromkeys(names))
    for name in unique:
        if name not in classes:
            problem = f"{name!r} is not a class of the config"
            found.note("", "categories", problem, "its objects are skipped")
    used = [name for name in unique if name in classes]
    if used != [name for name in classes if name in used]:
        found.error(
            "",
            "categories",
            f"the order {_listed(used)} differs from the config",
            "use the order of the file in the config, since the file numbers the labels",
        )


def _check_reference(annotations: CocoTable, field: str, target: CocoTable) -> None:
    column, ids = annotations.column(field), target.column("id")
    known = set(ids[is_key(ids)])
    leads = is_key(column)
    leads[leads] = [value in known for value in column[leads]]
    annotations.error(
        annotations.has(field) & ~leads,
        field,
        f"add the entry to {target.key}, or remove the annotation",
        lambda index: f"{column[index]!r} is not in {target.key}",
    )


def _check_crowd(annotations: CocoTable, *, evaluation: bool) -> None:
    column, present = annotations.column("iscrowd"), annotations.has("iscrowd")
    if evaluation:
        advice = "COCO's evaluation needs it: write 0 for a single object"
        annotations.error(~present, "iscrowd", advice)
    valid = [type(value) in (int, bool) and value in (0, 1) for value in column]
    advice = "write 0 for a single object, 1 for a crowd"
    annotations.error(present & ~np.array(valid, dtype=bool), "iscrowd", advice)


def _boxes(annotations: CocoTable) -> np.ndarray:
    """Return x, y, width, height, [N, 4]; NaN for boxes that are not four finite numbers."""
    column = annotations.column("bbox")
    four = [
        box if type(box) is list and len(box) == 4 and {*map(type, box)} <= _NUMBERS else _NO_BOX
        for box in column
    ]
    boxes = np.array(four, dtype=np.float64).reshape(-1, 4)
    wrong = ~np.isfinite(boxes).all(axis=1)
    boxes[wrong] = np.nan
    annotations.error(wrong & annotations.has("bbox"), "bbox", f"{_FORMAT}, four numbers")
    return boxes


def _check_extent(annotations: CocoTable, boxes: np.ndarray) -> None:
    """Check width and height of the boxes."""
    least = boxes[:, 2:].min(axis=1)  # [N]

    def has(what: str) -> Callable[[int], str]:
        return lambda index: f"{boxes[index].tolist()} has {what}"

    annotations.error(least < 0, "bbox", _FORMAT, has("a negative width or height"))
    annotations.note(least == 0, "bbox", _LEFT_OUT, has("a width or height of 0"))
    thin = (least > 0) & (least < 1)
    annotations.note(thin, "bbox", _LEFT_OUT, has("a width or height below 1 pixel"))


def _check_place(
    annotations: CocoTable, images: CocoTable, sizes: ImageSizes, boxes: np.ndarray
) -> None:
    """Check that the boxes are inside their images.

    A box is an error if more than half of it is outside, since its format or the image size must be
    wrong. MMDetection clips the other boxes. A difference of up to one pixel is rounding.
    """
    owner = sizes.rows_of(annotations.column("image_id"))  # [N]
    size = sizes.sizes[owner]  # [N, 2] width, height; NaN where unknown
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]  # [N, 2]
    inside = np.clip(np.minimum(high, size) - np.maximum(low, 0), 0, None).prod(axis=1)
    area = boxes[:, 2:].prod(axis=1)
    comparable = (boxes[:, 2:] > 0).all(axis=1) & ~np.isnan(size).any(axis=1)
    share = np.divide(inside, area, out=np.ones_like(area), where=comparable)
    overhang = np.maximum(-low, high - size).max(axis=1)

    def problem(index: int) -> str:
        name = images.entries[owner[index]].get("file_name")
        width, height = size[index]
        outside = f"is {1 - share[index]:.0%} outside {name}, {width:g}x{height:g}"
        return f"{boxes[index].tolist()} {outside}"

    most = comparable & (share < 0.5)
    part = comparable & ~most & (overhang > 1)
    annotations.error(most, "bbox", _OUTSIDE, problem)
    annotations.note(part, "bbox", "MMDetection's Resize clips it to the image", problem)


def _check_areas(annotations: CocoTable, boxes: np.ndarray) -> None:
    """Check that areas are positive, since MMDetection skips all other objects."""
    area = numbers(annotations.column("area"))  # NaN fails every comparison
    visible = (boxes[:, 2:] >= 1).all(axis=1)
    valid = (area > 0) & (area < np.inf) | (area == 0) & ~visible
    advice = "MMDetection skips the object: write the area of the mask in pixels, or width * height"
    annotations.error(annotations.has("area") & ~valid, "area", advice)


def _listed(names: Sequence[str]) -> str:
    """Return the first ten names as text, with the total number if there are more."""
    shown = ", ".join(repr(name) for name in names[:10]) or "none"
    return shown if len(names) <= 10 else f"{shown}, ... ({len(names)})"
