"""Prepared arrays of small images as a data set for MMEngine's runner."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from mmengine.dataset import Compose
from mmpretrain.structures import DataSample
from torch.utils.data import Dataset

__all__ = ["PreparedImages"]


class PreparedImages(Dataset):
    """Images and labels from memory-mapped arrays; a data set gives its title and its splits.

    Without a pipeline an item is ready for a batched augmentation: ``inputs`` uint8 ``[3, H, W]``
    RGB and ``data_samples`` with the label; collate with ``default_collate``. With a pipeline of
    the host's transforms it starts as MMPretrain's CIFAR records do: ``img`` uint8 ``[H, W, 3]``
    RGB and ``gt_label``. A split without labels gives the same records without the label.

    Args:
        data_root: Folder made by :func:`mmdense.data.sets.prepare.prepare`.
        split: One of the data set's splits.
        pipeline: The host's transforms.

    Raises:
        ValueError: unknown split.
        FileNotFoundError: nothing prepared at ``data_root``.
    """

    title: ClassVar[str]
    splits: ClassVar[tuple[str, ...]]
    unlabelled_splits: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, *, data_root: str, split: str = "train", pipeline: Sequence[dict] = ()
    ) -> None:
        if split not in self.splits:
            known = " and ".join(repr(name) for name in self.splits)
            raise ValueError(f"split={split!r} of {self.title}: there are {known}")
        root = Path(data_root)
        if not (root / "prepared.json").is_file():
            raise FileNotFoundError(
                f"data_root={data_root!r} of {self.title} is not prepared; run "
                f"python tools/prepare_data.py {type(self).__name__.lower()} --source ARCHIVE "
                f"--root {root.parent}"
            )
        self.split = split
        # asarray: a plain view of the mapped file, indexing np.memmap is several times slower
        self.images = np.asarray(np.load(root / f"{split}_images.npy", mmap_mode="r"))
        labelled = split not in self.unlabelled_splits
        self._labels = np.load(root / f"{split}_labels.npy") if labelled else None
        self._places: np.ndarray = np.arange(len(self.images))  # of the items in the arrays
        self.pipeline = Compose(pipeline) if pipeline else None
        encoding = json.loads((root / "prepared.json").read_text())["encoding"]
        self.metainfo = {
            "dataset_name": self.title + (" (JPEG)" if encoding == "JPEG" else ""),
            "classes": tuple((root / "classes.txt").read_text().split()),
        }

    def __len__(self) -> int:
        return len(self._places)

    def get_gt_labels(self) -> np.ndarray:
        """Label of each item, int64 ``[N]``; named as in MMPretrain's data sets.

        Raises:
            ValueError: the split has no labels.
        """
        if self._labels is None:
            known = " and ".join(
                repr(name) for name in self.splits if name not in self.unlabelled_splits
            )
            raise ValueError(
                f"split={self.split!r} of {self.title} has no labels; {known} have them"
            )
        return self._labels[self._places]

    def get_subset_(self, indices: Sequence[int]) -> None:
        """Keep only these items, in this order; named as in MMEngine's data sets."""
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
