"""Few-label splits: a fixed share of a labelled data set, for training with 1, 5 or 10 % of it.

The choice is a function of the seed, the number of images and their classes alone. The images are
put in an order by the raw 64-bit numbers of NumPy's PCG64 under the seed, whose stream NumPy
promises to keep: image i is sorted by number i. The first images of that order are taken, for
classification the first of each class. So 1 % lies inside 5 %, and 5 % inside 10 %, and every
machine picks the same images.
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
    """Pick a share of a data set.

    Without labels ``round(number * percent / 100)`` images are taken, half a one upwards and at
    least one; with labels that many of each class.

    Args:
        number: Images in the data set.
        percent: Share to take, above 0 and up to 100.
        seed: Another seed, another choice.
        labels: Class of each image, for a choice that is stratified by class. [number]

    Returns:
        Indices of the chosen images, ascending.

    Raises:
        ValueError: no images, a percentage that is out of range, a negative seed, or another
            number of labels than of images.
    """
    if number < 1:
        raise ValueError("the data set has no images to pick from")
    if isinstance(percent, (bool, str)) or not 0 < percent <= 100:
        raise ValueError(f"percent={percent!r}: need a number above 0 and up to 100")
    if seed < 0:
        raise ValueError(f"seed={seed!r}: need a number from 0")
    order = np.argsort(np.random.PCG64(seed).random_raw(number), kind="stable")  # [number]
    if labels is None:
        return sorted(order[: _share(number, percent)].tolist())
    classes = np.asarray(labels)
    if classes.shape != (number,):
        raise ValueError(f"labels have the shape {classes.shape}, need one for each of {number}")
    chosen: list[int] = []
    for label in np.unique(classes):
        of_class = order[classes[order] == label]
        chosen += of_class[: _share(len(of_class), percent)].tolist()
    return sorted(chosen)


@DATASETS.register_module(name="FewLabels")
def keep_few_labels(dataset: dict, percent: float, seed: int = 0) -> Any:
    """Build a data set with a share of its images, as ``mmdense.FewLabels`` in a config.

    The result is the host's own data set after its ``get_subset_``: metainfo, evaluation and
    samplers work as before, and a sample that has to be replaced is replaced from the share. The
    share is stratified by class where images have one class each (MMPretrain), else by image
    (MMDetection, MMSegmentation). It is taken of what the data set loads, after its ``filter_cfg``.
    A wrapper such as ``ConcatDataset`` or ``RepeatDataset`` stays, and each data set in it gives
    its share. It is meant for training: a metric that reads an annotation file expects all images.

    Args:
        dataset: Config of the data set.
        percent: Share to keep, above 0 and up to 100.
        seed: Another seed, another choice.

    Returns:
        The data set.

    Raises:
        ValueError: see :func:`few_label_indices`; or a classification set without labels.
        TypeError: the data set has no ``get_subset_``.
    """
    inner = dict(type="mmdense.FewLabels", percent=percent, seed=seed)
    wrapper = dataset.copy()
    if "datasets" in wrapper:
        wrapper["datasets"] = [dict(inner, dataset=part) for part in wrapper["datasets"]]
        return DATASETS.build(wrapper)
    if "dataset" in wrapper:
        wrapper["dataset"] = dict(inner, dataset=wrapper["dataset"])
        return DATASETS.build(wrapper)

    built = DATASETS.build(dataset)
    if not hasattr(built, "get_subset_"):
        raise TypeError(f"FewLabels: {dataset['type']} has no get_subset_, as MMEngine's sets have")
    if hasattr(built, "full_init"):
        built.full_init()  # whatever lazy_init says
    labels = _classes(built, dataset["type"])
    indices = few_label_indices(len(built), percent, seed=seed, labels=labels)
    if len(indices) < len(built):
        built.get_subset_(indices)
    return built


def _share(number: int, percent: float) -> int:
    """At least one; exact, so that no rounding of floats decides about a half."""
    return max(1, math.floor(Fraction(str(percent)) * number / 100 + Fraction(1, 2)))


def _classes(dataset: Any, name: str) -> np.ndarray | None:
    """The class of each image; None where an image has none, or several."""
    from mmpretrain.datasets import MultiLabelDataset

    if not hasattr(dataset, "get_gt_labels") or isinstance(dataset, MultiLabelDataset):
        return None
    try:
        return dataset.get_gt_labels()
    except KeyError as error:
        raise ValueError(f"FewLabels: {name} was built without labels ({error})") from error
