"""The prepared CIFAR arrays as a data set for MMEngine's runner."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.dataset import Compose
from mmpretrain.structures import DataSample
from torch.utils.data import Dataset

from mmdense.registry import DATASETS

__all__ = ["CIFAR10", "CIFAR100"]


class _PreparedImages(Dataset):
    """Images and labels from memory-mapped arrays.

    Without a pipeline an item is ready for a batched augmentation: ``inputs`` uint8 ``[3, 32, 32]``
    RGB and ``data_samples`` with the label; collate with ``default_collate``. With a pipeline of
    the host's transforms it starts as MMPretrain's CIFAR records do: ``img`` uint8
    ``[32, 32, 3]`` RGB and ``gt_label``.

    Args:
        data_root: Folder made by :func:`mmdense.data.prepare.prepare`.
        split: ``train`` or ``test``.
        pipeline: The host's transforms.

    Raises:
        ValueError: unknown split.
        FileNotFoundError: nothing prepared at ``data_root``.
    """

    title: str

    def __init__(
        self, *, data_root: str, split: str = "train", pipeline: Sequence[dict] = ()
    ) -> None:
        if split not in ("train", "test"):
            raise ValueError(f"split={split!r} of {self.title}: there are 'train' and 'test'")
        root = Path(data_root)
        if not (root / "prepared.json").is_file():
            raise FileNotFoundError(
                f"data_root={data_root!r} of {self.title} is not prepared; run "
                f"python -m mmdense.data.prepare {type(self).__name__.lower()} --source ARCHIVE "
                f"--root {root.parent}"
            )
        # asarray: a plain view of the mapped file, indexing np.memmap is several times slower
        self.images = np.asarray(np.load(root / f"{split}_images.npy", mmap_mode="r"))
        self.labels = np.load(root / f"{split}_labels.npy")
        self.pipeline = Compose(pipeline) if pipeline else None
        encoding = json.loads((root / "prepared.json").read_text())["encoding"]
        self.metainfo = {
            "dataset_name": self.title + (" (JPEG)" if encoding == "JPEG" else ""),
            "classes": tuple((root / "classes.txt").read_text().split()),
        }

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict:
        image, label = self.images[index], int(self.labels[index])  # [32, 32, 3]
        if self.pipeline is not None:
            shape = image.shape[:2]
            return self.pipeline(
                dict(
                    img=image.copy(),
                    gt_label=label,
                    img_shape=shape,
                    ori_shape=shape,
                    sample_idx=index,
                )
            )
        planes = np.ascontiguousarray(image.transpose(2, 0, 1))  # [3, 32, 32]
        return dict(
            inputs=torch.from_numpy(planes),
            data_samples=DataSample(metainfo=dict(sample_idx=index)).set_gt_label(label),
        )


@DATASETS.register_module()
class CIFAR10(_PreparedImages):
    """CIFAR-10 from ``data/cifar10``; see the base class for the records and the arguments."""

    title = "CIFAR-10"


@DATASETS.register_module()
class CIFAR100(_PreparedImages):
    """CIFAR-100, fine labels, from ``data/cifar100``; otherwise as :class:`CIFAR10`."""

    title = "CIFAR-100"
