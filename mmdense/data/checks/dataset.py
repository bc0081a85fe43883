"""Checks of the data set in a config: annotations, images, segmentation maps, folders."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from mmengine import fileio
from mmengine.config import ConfigDict
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from PIL import Image, UnidentifiedImageError

from mmdense.data.checks.problems import DataProblem, DataProblems
from mmdense.data.load_image import LoadImage
from mmdense.data.load_json import load_json
from mmdense.data.read_image import BrokenImageError

__all__ = ["check_dataset"]

#: Errors of MMDetection, MMPretrain and MMSegmentation for missing data and wrong paths.
_DATA_ERRORS = (OSError, ValueError, RuntimeError, AssertionError, KeyError)

Progress = Callable[[Iterable, int], Iterable]


def check_dataset(
    config: ConfigDict, *, workers: int = 1, progress: Progress = lambda items, _: items
) -> list[DataProblem]:
    """Return the problems of a data set, or of all data sets in a wrapper.

    Annotations in COCO format are checked with :func:`~mmdense.data.checks.coco.check_coco`. Every
    image is decoded. A segmentation map must have the size of its image and valid labels. Each
    class folder must contain an image.

    ``workers`` is the number of decoding threads. ``progress`` takes the results and their number,
    and yields the results.
    """
    found: list[DataProblem] = []
    for inner in _without_wrappers(config):
        records, problems, dataset = _records(inner)
        found += problems
        if dataset is None:
            continue
        check = _image_check(dataset)
        with ThreadPoolExecutor(workers) as pool:
            for problems in progress(pool.map(check, records), len(records)):
                found += problems
    return found


def _without_wrappers(config: ConfigDict) -> Iterator[ConfigDict]:
    if "dataset" in config or "datasets" in config:
        for inner in (*config.get("datasets", ()), *filter(None, [config.get("dataset")])):
            yield from _without_wrappers(inner)
    else:
        yield config


def _records(config: ConfigDict) -> tuple[list[dict], list[DataProblem], BaseDataset | None]:
    """Return the records, the problems, and the data set, or None if it has no image files."""
    found = DataProblems(str(config.get("ann_file") or config.get("data_root") or config.type))
    with MMENGINE_DATASETS.switch_scope_and_registry(None) as registry:
        kind = registry.get(config.type)
    if kind is None:
        advice = "correct the name, or import what registers it (custom_imports)"
        found.error("", "type", f"the data set {config.type!r} is not registered", advice)
        return [], found, None
    if not (inspect.isclass(kind) and issubclass(kind, BaseDataset)):
        found.note("", "type", f"{config.type} reads no image files", "it is not checked")
        return [], found, None
    try:
        # Use lazy_init if possible: the initialisation stops at the first error.
        lazy = "lazy_init" in inspect.signature(kind).parameters or _is_coco(kind)
        dataset = MMENGINE_DATASETS.build({**config, **({"lazy_init": True} if lazy else {})})
        if _is_coco(kind):
            return *_coco_records(dataset), dataset
        places = () if lazy else range(len(dataset))
        records = dataset.load_data_list() if lazy else [*map(dataset.get_data_info, places)]
    except _DATA_ERRORS as error:
        found.error("", "dataset", f"{config.type}: {error}", "add the data, or correct its path")
        return [], found, None
    if not records:
        advice = "correct data_root, data_prefix or the suffix of the images"
        found.error("", "dataset", f"no image in {dataset.data_prefix}", advice)
    _check_class_folders(dataset, records, found)
    return records, found, dataset


def _is_coco(kind: type) -> bool:
    from mmdet.datasets import CocoDataset

    return issubclass(kind, CocoDataset)


def _coco_records(dataset: Any) -> tuple[list[dict], list[DataProblem]]:
    """Return the records of the existing images, and the problems.

    It also works for files that MMDetection cannot read.
    """
    from mmdense.data.checks.checked_coco_dataset import check_annotations

    coco = load_json(dataset.ann_file)
    folder = Path(dataset.data_prefix["img"])
    found = check_annotations(dataset, coco, image_folder=folder)
    images = coco.get("images") if isinstance(coco, dict) else None
    names = [image.get("file_name") for image in images or () if isinstance(image, dict)]
    paths = [folder / name for name in names if isinstance(name, str)]
    return [dict(img_path=str(path)) for path in paths if path.is_file()], found


def _check_class_folders(dataset: BaseDataset, records: list[dict], found: DataProblems) -> None:
    """Add an error for each class folder of MMPretrain without an image."""
    folders = getattr(dataset, "folder_to_idx", None)
    if not folders:
        return
    present = {record["gt_label"] for record in records}
    for name, label in folders.items():
        if label not in present:
            problem = f"the class folder {Path(dataset.img_prefix) / name} has no image"
            found.error("", "dataset", problem, "put images in it, or remove the folder")


def _image_check(dataset: BaseDataset) -> Callable[[dict], list[DataProblem]]:
    """Return a function that returns the problems of one record."""
    transforms = dataset.pipeline.transforms
    colours = [step.color_type for step in transforms if hasattr(step, "color_type")]
    backend = getattr(dataset, "backend_args", None)
    load = LoadImage(color_type=colours[0] if colours else "color", backend_args=backend)
    labels = _label_table(dataset)

    def check(record: dict) -> list[DataProblem]:
        found = DataProblems(str(record["img_path"]))
        try:
            shape = load(dict(img_path=record["img_path"]))["img_shape"]
        except BrokenImageError as error:
            found.error("", "image", error.reason, error.advice)
            return found
        if record.get("seg_map_path"):
            found = DataProblems(str(record["seg_map_path"]))
            _check_map(found, shape, labels, backend)
        return found

    return check


def _label_table(dataset: BaseDataset) -> np.ndarray | None:
    """Return whether each value 0 to 255 is a valid label, [256]; None if there are no classes."""
    classes = dataset.metainfo.get("classes")
    if not classes:
        return None
    value = np.arange(256)
    if getattr(dataset, "reduce_zero_label", False):
        value -= 1
        value[[0, 255]] = 255  # MMSegmentation maps 0 and 255 to 255
    # If the config selects a subset of the classes, the maps still contain all classes.
    known = len(getattr(dataset, "label_map", None) or classes)
    return (value < known) | (value == getattr(dataset, "ignore_index", 255))


def _check_map(
    found: DataProblems, shape: tuple[int, int], labels: np.ndarray | None, backend: dict | None
) -> None:
    """Check one segmentation map, read as in MMSegmentation's ``LoadAnnotations``."""
    again = "copy the map again, or remove the image"
    try:
        with Image.open(io.BytesIO(fileio.get(found.file, backend_args=backend))) as image:
            values = np.asarray(image).squeeze()
    except FileNotFoundError:
        found.error("", "map", "no such file", "every image needs a map; check data_prefix")
        return
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        found.error("", "map", f"cannot be read ({error})", again)
        return
    if values.ndim != 2:
        problem = f"has the shape {values.shape}"
        found.error("", "map", problem, "save one class index per pixel, in one channel")
        return
    if values.shape != shape:
        problem = f"is {values.shape[1]}x{values.shape[0]}, its image is {shape[1]}x{shape[0]}"
        found.error("", "map", problem, "a map has the size of its loaded image")
    present = np.unique(values)
    known = (present >= 0) & (present < 256)
    if labels is not None:
        known[known] = labels[present[known].astype(int)]
    if not known.all():
        wrong = ", ".join(map(str, present[~known][:5].tolist()))
        advice = "a label is a class index, or 255 to ignore: correct the map or the classes"
        found.error("", "map", f"has the labels {wrong}", advice)
