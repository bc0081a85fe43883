"""The prepared STL-10 arrays as a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from mmdense.data.sets.prepared_images import PreparedImages
from mmdense.registry import DATASETS

__all__ = ["STL10"]


@DATASETS.register_module()
class STL10(PreparedImages):
    """STL-10 from ``data/stl10``; see the base class for the records.

    Args:
        data_root: Folder made by :func:`mmdense.data.sets.prepare.prepare`.
        split: ``train``, ``test`` or ``unlabelled``; the last has no labels.
        fold: Only the train images of one of the publisher's ten folds, from 0.
        pipeline: The host's transforms.

    Raises:
        ValueError: unknown split or fold, or a fold of another split than ``train``.
        FileNotFoundError: nothing prepared at ``data_root``.
    """

    title: ClassVar[str] = "STL-10"
    splits: ClassVar[tuple[str, ...]] = ("train", "test", "unlabelled")
    unlabelled_splits: ClassVar[tuple[str, ...]] = ("unlabelled",)

    def __init__(
        self,
        *,
        data_root: str,
        split: str = "train",
        fold: int | None = None,
        pipeline: Sequence[dict] = (),
    ) -> None:
        super().__init__(data_root=data_root, split=split, pipeline=pipeline)
        if fold is None:
            return
        folds = np.load(Path(data_root) / "folds.npy")
        if split != "train" or not 0 <= fold < len(folds):
            raise ValueError(
                f"fold={fold!r}, split={split!r} of STL-10: the split 'train' has folds from 0 "
                f"to {len(folds) - 1}"
            )
        self.get_subset_(folds[fold].tolist())
