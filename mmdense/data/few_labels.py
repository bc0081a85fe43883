"""Few-label splits: a fixed label fraction of a data set, such as 1, 5 or 10 %.

The selection depends only on the seed, the number of images and their classes. Image i is sorted by
the i-th raw 64-bit number of NumPy's PCG64, a stream that NumPy guarantees. The first images of
this order are selected; in classification, the first ones of each class. So the 1 % subset is
contained in the 5 % subset, and every machine selects the same images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from mmdense.registry import DATASETS

__all__ = ["few_label_indices", "keep_few_labels"]


def few_label_indices(
    number: int,
    percent: float,
    *,
    seed: int = 0,
    labels: Sequence[int] | np.ndarray | None = None,
) -> list[int]:
    """Return the indices of a label fraction of a data set, ascending.

    Without labels, it selects ``round(number * percent / 100)`` images, where halves are rounded
    up, and at least one. With labels, it applies this rule to each class.

    Args:
        number: Number of images in the data set.
        percent: Label fraction in percent, above 0 and up to 100.
        seed: Seed of the selection.
        labels: Class of each image for a stratified selection. [number]

    Raises:
        ValueError: There are no images, ``percent`` or ``seed`` is out of range, or the numbers of
            labels and images differ.
    """
    if number < 1:
        raise ValueError("the data set has no images")
    if isinstance(percent, (bool, str)) or not 0 < percent <= 100:
        raise ValueError(f"percent={percent!r} must be a number above 0 and up to 100")
    if seed < 0:
        raise ValueError(f"seed={seed!r} must not be negative")
    order = np.argsort(np.random.PCG64(seed).random_raw(number), kind="stable")  # [number]
    if labels is None:
        return sorted(order[: _share(number, percent)].tolist())
    classes = np.asarray(labels)
    if classes.shape != (number,):
        raise ValueError(f"labels have the shape {classes.shape}, not ({number},)")
    chosen: list[int] = []
    for label in np.unique(classes):
        of_class = order[classes[order] == label]
        chosen += of_class[: _share(len(of_class), percent)].tolist()
    return sorted(chosen)


@DATASETS.register_module(name="FewLabels")
def keep_few_labels(dataset: dict, percent: float, seed: int = 0) -> Any:
    """Return a data set with a fraction of its images; ``mmdense.FewLabels`` in a config.

    The result is the configured data set after its ``get_subset_``, so metainfo and samplers work
    as before. If images have one class each (MMPretrain), the selection is stratified by class,
    otherwise it is by image (MMDetection, MMSegmentation). It applies to the loaded images, after
    ``filter_cfg``. In wrappers such as ``ConcatDataset`` or ``RepeatDataset``, it applies to each
    inner data set. Use it for training only: a metric with an annotation file expects all images.

    Raises:
        ValueError: As in :func:`few_label_indices`, or a classification data set has no labels.
        TypeError: The data set has no ``get_subset_``.
    """
    inner = dict(type="mmdense.FewLabels", percent=percent, seed=seed)
    if "datasets" in dataset:
        parts = [dict(inner, dataset=part) for part in dataset["datasets"]]
        return DATASETS.build({**dataset, "datasets": parts})
    if "dataset" in dataset:
        return DATASETS.build({**dataset, "dataset": dict(inner, dataset=dataset["dataset"])})

    built = DATASETS.build(dataset)
    if not hasattr(built, "get_subset_"):
        raise TypeError(
            f"FewLabels: {dataset['type']} has no get_subset_. Use a BaseDataset of MMEngine."
        )
    if hasattr(built, "full_init"):
        built.full_init()  # also with lazy_init=True
    labels = _classes(built, dataset["type"])
    indices = few_label_indices(len(built), percent, seed=seed, labels=labels)
    if len(indices) < len(built):
        built.get_subset_(indices)
    return built


def _share(number: int, percent: float) -> int:
    """Return the number of selected images, at least 1; fractions avoid floating-point errors."""
    return max(1, math.floor(Fraction(str(percent)) * number / 100 + Fraction(1, 2)))


def _classes(dataset: Any, name: str) -> np.ndarray | None:
    """Return the class of each image; None if images do not have exactly one class."""
    from mmpretrain.datasets import MultiLabelDataset

    if not hasattr(dataset, "get_gt_labels") or isinstance(dataset, MultiLabelDataset):
        return None
    try:
        return dataset.get_gt_labels()
    except KeyError as error:
        raise ValueError(f"FewLabels: {name} has no labels ({error}). Add them.") from error
