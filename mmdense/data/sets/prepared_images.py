"""CIFAR-10, CIFAR-100 and STL-10 as data sets for MMEngine's runner.

They memory-map the arrays of :mod:`mmdense.data.sets.prepare`, whereas torchvision's data sets load
all images into the memory of every worker. The records are those of MMPretrain.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from mmengine.dataset import Compose
from mmpretrain.structures import DataSample
from torch.utils.data import Dataset

from mmdense.registry import DATASETS

__all__ = ["CIFAR10", "CIFAR100", "STL10"]


class PreparedImages(Dataset):
    """Base class for images and labels in memory-mapped arrays; subclasses set title and splits.

    Without a pipeline, an item is ready for batched augmentation: ``inputs``, uint8 ``[3, H, W]``
    RGB, and ``data_samples`` with the label; collate with ``default_collate``. With a pipeline, its
    input is a record as in MMPretrain's CIFAR data sets: ``img``, uint8 ``[H, W, 3]`` RGB, and
    ``gt_label``. Records of unlabelled splits have no label.

    Args:
        data_root: Folder from :func:`mmdense.data.sets.prepare.prepare`.
        split: One of the data set's splits.
        pipeline: Transforms of MMPretrain.

    Raises:
        ValueError: The split is unknown.
        FileNotFoundError: ``data_root`` is not prepared.
    """

    title: ClassVar[str]
    splits: ClassVar[tuple[str, ...]]
    unlabelled_splits: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, *, data_root: str, split: str = "train", pipeline: Sequence[dict] = ()
    ) -> None:
        if split not in self.splits:
            raise ValueError(
                f"split={split!r} of {self.title} is unknown: use one of {self.splits}"
            )
        root = Path(data_root)
        if not (root / "prepared.json").is_file():
            raise FileNotFoundError(
                f"data_root={data_root!r} of {self.title} is not prepared. Run "
                f"`mmdense prepare_data {type(self).__name__.lower()} --source ARCHIVE "
                f"--root {root.parent}`."
            )
        self.split = split
        # np.asarray gives a view of the mapped file: indexing np.memmap is several times slower.
        self.images = np.asarray(np.load(root / f"{split}_images.npy", mmap_mode="r"))
        labelled = split not in self.unlabelled_splits
        self._labels = np.load(root / f"{split}_labels.npy") if labelled else None
        self._places: np.ndarray = np.arange(len(self.images))  # array indices of the items
        self.pipeline = Compose(pipeline) if pipeline else None
        encoding = json.loads((root / "prepared.json").read_text())["encoding"]
        self.metainfo = {
            "dataset_name": self.title + (" (JPEG)" if encoding == "JPEG" else ""),
            "classes": tuple((root / "classes.txt").read_text().split()),
        }

    def __len__(self) -> int:
        return len(self._places)

    def get_gt_labels(self) -> np.ndarray:
        """Return the label of each item, int64 ``[N]``, as MMPretrain's data sets do.

        Raises:
            ValueError: The split has no labels.
        """
        if self._labels is None:
            known = tuple(name for name in self.splits if name not in self.unlabelled_splits)
            raise ValueError(
                f"split={self.split!r} of {self.title} has no labels: use one of {known}"
            )
        return self._labels[self._places]

    def get_subset_(self, indices: Sequence[int]) -> None:
        """Keep only these items, in this order, as in MMEngine's data sets."""
        self._places = self._places[list(indices)]

    def __getitem__(self, index: int) -> dict:
        place = self._places[index]
        image = self.images[place]  # [H, W, 3]
        label = None if self._labels is None else int(self._labels[place])
        if self.pipeline is not None:
            shape = image.shape[:2]
            record = dict(img=image.copy(), img_shape=shape, ori_shape=shape, sample_idx=index)
            return self.pipeline(record if label is None else dict(record, gt_label=label))
        sample = DataSample(metainfo=dict(sample_idx=index))
        if label is not None:
            sample.set_gt_label(label)
        planes = np.ascontiguousarray(image.transpose(2, 0, 1))  # [3, H, W]
        return dict(inputs=torch.from_numpy(planes), data_samples=sample)


@DATASETS.register_module()
class CIFAR10(PreparedImages):
    """CIFAR-10 from ``data/cifar10``; :class:`PreparedImages` describes records and arguments."""

    title: ClassVar[str] = "CIFAR-10"
    splits: ClassVar[tuple[str, ...]] = ("train", "test")


@DATASETS.register_module()
class CIFAR100(CIFAR10):
    """CIFAR-100 with fine labels from ``data/cifar100``; otherwise as :class:`CIFAR10`."""

    title: ClassVar[str] = "CIFAR-100"


@DATASETS.register_module()
class STL10(PreparedImages):
    """STL-10 from ``data/stl10``; :class:`PreparedImages` describes the records.

    Args:
        data_root: As for :class:`PreparedImages`.
        fold: One of the ten published folds of the train images, 0 to 9; None uses all images.
        kwargs: As for :class:`PreparedImages`; the split ``unlabelled`` has no labels.

    Raises:
        ValueError: The fold is unknown, or is set for another split than ``train``.
    """

    title: ClassVar[str] = "STL-10"
    splits: ClassVar[tuple[str, ...]] = ("train", "test", "unlabelled")
    unlabelled_splits: ClassVar[tuple[str, ...]] = ("unlabelled",)

    def __init__(self, *, data_root: str, fold: int | None = None, **kwargs: Any) -> None:
        super().__init__(data_root=data_root, **kwargs)
        if fold is None:
            return
        folds = np.load(Path(data_root) / "folds.npy")
        if self.split != "train" or not 0 <= fold < len(folds):
            raise ValueError(
                f"fold={fold!r}, split={self.split!r} of STL-10: only the split 'train' has folds, "
                f"0 to {len(folds) - 1}"
            )
        self.get_subset_(folds[fold].tolist())
