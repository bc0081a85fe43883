"""What is wrong with annotations in COCO format.

The levels follow what MMDetection's ``CocoDataset`` does with an entry. An error is where it
stops, or silently teaches something wrong; a note is where it leaves the entry out or can live with
it. COCO's own train2017 has two boxes without height, for example: that is a note.

Boxes, masks and files are checked in ``check_coco_boxes.py``, ``check_coco_masks.py`` and
``check_coco_images.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmdense.data.checks.coco_boxes import check_boxes
from mmdense.data.checks.coco_entries import Entries, read_entries
from mmdense.data.checks.coco_images import check_files, image_sizes
from mmdense.data.checks.coco_masks import check_masks
from mmdense.data.checks.finding import Finding, Findings

__all__ = ["check_coco"]


def check_coco(
    coco: Any,
    file: str,
    *,
    classes: Sequence[str] | None = None,
    masks: bool = False,
    evaluation: bool = False,
    image_folder: Path | None = None,
    turned_by_exif: bool = True,
) -> list[Finding]:
    """Check annotations without reading a pixel.

    Args:
        coco: The content of the JSON file.
        file: Its name, for the findings.
        classes: The classes of the config; None does not compare them.
        masks: Whether the segmentations are used.
        evaluation: Whether the file is evaluated on: COCO's evaluation needs ``iscrowd``, and the
            file of a test set may come without annotations.
        image_folder: Where the pictures lie; their headers are compared with the entries. None
            looks at no file.
        turned_by_exif: Whether the pipeline turns pictures by their EXIF orientation, as mmcv does
            where it is not told otherwise.

    Returns:
        The findings, none where all is well.
    """
    found = Findings(file)
    if not isinstance(coco, dict):
        problem = f"holds a {type(coco).__name__}"
        found.error("", "file", problem, "a COCO file is an object with images and annotations")
        return found
    if evaluation and "annotations" not in coco:
        coco = {**coco, "annotations": []}
    images = read_entries(coco, "images", found)
    categories = read_entries(coco, "categories", found)
    annotations = read_entries(coco, "annotations", found)
    if coco.get("images") == []:
        found.error("", "images", "there is none", "list at least one image")
    if coco.get("annotations") == []:
        add = found.note if evaluation else found.error
        add("", "annotations", "there is none", "without one, nothing can be learnt or scored")
    _check_categories(categories, found)
    if classes is not None:
        _compare_classes(categories, classes, found)
    sizes = image_sizes(images, found)
    check_boxes(annotations, images, sizes, categories, found, evaluation=evaluation)
    if masks:
        check_masks(annotations, sizes, found)
    if image_folder is not None:
        check_files(images, sizes, image_folder, found, turned_by_exif=turned_by_exif)
    return found


def _check_categories(categories: Entries, found: Findings) -> None:
    """Names are text, and no two are the same."""
    seen = set()
    for index, category in enumerate(categories.values):
        name = category.get("name")
        if "name" in category and not isinstance(name, str):
            found.error(categories.where(index), "name", f"is {name!r}", "a name is text")
        elif name in seen:
            problem = f"{name!r} was taken by a category before"
            found.error(categories.where(index), "name", problem, "merge or rename the categories")
        elif name is not None:
            seen.add(name)


def _compare_classes(categories: Entries, classes: Sequence[str], found: Findings) -> None:
    """MMDetection numbers the labels in the order of the file, and takes names from the config."""
    names = [name for name in categories.column("name") if isinstance(name, str)]
    missing = [name for name in classes if name not in names]
    if missing:
        found.error(
            "",
            "categories",
            f"there are {_listed(names)}; not among them, of the config: {_listed(missing)}",
            "set metainfo=dict(classes=...) of the data set to the names of the file",
        )
    for name in dict.fromkeys(names):
        if name not in classes:
            problem = f"{name!r} is not a class of the config"
            found.note("", "categories", problem, "its objects are left out")
    used = [name for name in dict.fromkeys(names) if name in classes]
    if used != [name for name in classes if name in used]:
        found.error(
            "",
            "categories",
            f"their order is {_listed(used)}, which is not that of the config",
            "labels are numbered by the file and named by the config: use the order of the file",
        )


def _listed(names: Sequence[str]) -> str:
    """The first ten names, and how many there are."""
    shown = ", ".join(repr(name) for name in names[:10]) or "none"
    return shown if len(names) <= 10 else f"{shown}, ... ({len(names)})"
