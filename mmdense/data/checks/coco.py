"""Checks of annotations in COCO format.

The level of a problem follows from what MMDetection's ``CocoDataset`` does with the entry. It is an
error if the data set fails or trains on wrong labels, and a note if it skips or accepts the entry.
For example, the two boxes without height in COCO's train2017 are notes.

The image files are checked in ``coco_images.py``, the segmentations in ``coco_masks.py``.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

from mmdense.data.checks.coco_entries import CocoEntry, is_key, read_entries
from mmdense.data.checks.coco_images import check_files, size_of
from mmdense.data.checks.coco_masks import check_mask
from mmdense.data.checks.problems import DataProblem, DataProblems

__all__ = ["check_coco"]

_FORMAT = "a COCO box is [x, y, width, height] in pixels"
_UNKNOWN = (None, None)
_TARGETS = {"image_id": "images", "category_id": "categories"}
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
    images = [(entry, size_of(entry)) for entry in read_entries(coco, "images", found)]
    categories = read_entries(coco, "categories", found)
    annotations = read_entries(coco, "annotations", found)
    if coco.get("images") == []:
        found.error("", "images", "the list is empty", "add at least one image")
    if coco.get("annotations") == []:
        add = found.note if evaluation else found.error
        advice = "training and evaluation need at least one annotation"
        add("", "annotations", "the list is empty", advice)
    _check_categories(categories, classes, found)
    known_images = {one.fields["id"]: (one, size) for one, size in reversed(images) if one.has_id}
    known_categories = {one.fields["id"] for one in categories if one.has_id}
    for annotation in annotations:
        _check_reference(annotation, "image_id", known_images)
        _check_reference(annotation, "category_id", known_categories)
        _check_crowd(annotation, evaluation=evaluation)
        owner = annotation.fields.get("image_id")
        image, size = known_images.get(owner, _UNKNOWN) if is_key(owner) else _UNKNOWN
        box = _box(annotation)
        if box and image and size:
            _check_place(annotation, box, size, image.fields.get("file_name"))
        _check_area(annotation, box)
        if masks:
            check_mask(annotation, size)
    if image_folder is not None:
        check_files(images, image_folder, found, turned_by_exif=turned_by_exif)
    return found


def _check_categories(
    categories: list[CocoEntry], classes: Sequence[str] | None, found: DataProblems
) -> None:
    """Check that names are unique strings and match the config, including their order.

    MMDetection numbers the labels in the order of the file and takes the names from the config.
    """
    names: dict[str, None] = {}  # an ordered set
    for entry in categories:
        name = entry.fields.get("name")
        if not isinstance(name, str):
            if "name" in entry.fields:
                entry.error("name", "a name is a string")
            continue
        if name in names:
            problem = f"{name!r} is the name of an earlier category"
            entry.error("name", "merge or rename the categories", problem)
        names[name] = None
    if classes is None:
        return
    if missing := [name for name in classes if name not in names]:
        found.error(
            "",
            "categories",
            f"the file has {_listed(list(names))}; missing classes: {_listed(missing)}",
            "set metainfo=dict(classes=...) of the data set to the names in the file",
        )
    for name in names:
        if name not in classes:
            problem = f"{name!r} is not a class of the config"
            found.note("", "categories", problem, "its objects are skipped")
    used = [name for name in names if name in classes]
    if used != [name for name in classes if name in used]:
        found.error(
            "",
            "categories",
            f"the order {_listed(used)} differs from the config",
            "use the order of the file in the config, since the file numbers the labels",
        )


def _check_reference(annotation: CocoEntry, field: str, known: Container[Any]) -> None:
    if field not in annotation.fields:
        return
    value, target = annotation.fields[field], _TARGETS[field]
    if not is_key(value) or value not in known:
        advice = f"add the entry to {target}, or remove the annotation"
        annotation.error(field, advice, f"{value!r} is not in {target}")


def _check_crowd(annotation: CocoEntry, *, evaluation: bool) -> None:
    value = annotation.fields.get("iscrowd")
    if "iscrowd" not in annotation.fields:
        if evaluation:
            annotation.error("iscrowd", "COCO's evaluation needs it: write 0 for a single object")
    elif type(value) not in (int, bool) or value not in (0, 1):
        annotation.error("iscrowd", "write 0 for a single object, 1 for a crowd")


def _box(annotation: CocoEntry) -> list[float] | None:
    """Return x, y, width, height after a check of the extent; None if they are not numbers."""
    box = annotation.fields.get("bbox")
    if not (
        type(box) is list
        and len(box) == 4
        and {*map(type, box)} <= {int, float}
        and math.isfinite(sum(box))
    ):
        if "bbox" in annotation.fields:
            annotation.error("bbox", f"{_FORMAT}, four numbers")
        return None
    least = min(box[2:])
    if least < 0:
        annotation.error("bbox", _FORMAT, f"{box} has a negative width or height")
    elif least < 1:
        extent = "below 1 pixel" if least else "of 0"
        annotation.note("bbox", _LEFT_OUT, f"{box} has a width or height {extent}")
    return box


def _check_place(annotation: CocoEntry, box: list[float], size: tuple[int, int], name: Any) -> None:
    """Check that a box is inside its image.

    A box is an error if more than half of it is outside, since its format or the image size must be
    wrong. MMDetection clips the other boxes. A difference of up to one pixel is rounding.
    """
    x, y, width, height = box
    if min(width, height) <= 0:
        return
    inside_x = max(min(x + width, size[0]) - max(x, 0), 0)
    inside_y = max(min(y + height, size[1]) - max(y, 0), 0)
    share = inside_x * inside_y / (width * height)
    overhang = max(-x, -y, x + width - size[0], y + height - size[1])
    if share < 0.5 or overhang > 1:
        problem = f"{box} is {1 - share:.0%} outside {name}, {size[0]}x{size[1]}"
        if share < 0.5:
            annotation.error("bbox", _OUTSIDE, problem)
        else:
            annotation.note("bbox", "MMDetection's Resize clips it to the image", problem)


def _check_area(annotation: CocoEntry, box: list[float] | None) -> None:
    """Check that the area is positive, since MMDetection skips all other objects."""
    if "area" not in annotation.fields:
        return
    area = annotation.fields["area"]
    visible = box is not None and min(box[2:]) >= 1
    if type(area) not in (int, float) or not (0 < area < math.inf or (area == 0 and not visible)):
        advice = (
            "MMDetection skips the object: write the area of the mask in pixels, or width * height"
        )
        annotation.error("area", advice)


def _listed(names: Sequence[str]) -> str:
    """Return the first ten names as text, with the total number if there are more."""
    shown = ", ".join(repr(name) for name in names[:10]) or "none"
    return shown if len(names) <= 10 else f"{shown}, ... ({len(names)})"
