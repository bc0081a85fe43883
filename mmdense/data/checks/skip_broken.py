"""A data set that goes on without its broken pictures, and counts them."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from typing import Any

import torch
from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmengine.registry import DATASETS as HOST_DATASETS
from torch.utils.data import Dataset

from mmdense.data.load_image import LoadImage
from mmdense.data.read_image import BrokenImageError
from mmdense.registry import DATASETS

__all__ = ["SkipBroken", "TooManyBrokenImagesError", "skipping_datasets"]

_NAMES_IN_AN_ERROR = 5


class TooManyBrokenImagesError(RuntimeError):
    """More of the pictures are broken than the run may skip."""


@DATASETS.register_module()
class SkipBroken(Dataset):
    """Gives the next whole record in the place of one whose picture is missing or broken.

    In a config that inherits its data set::

        train_dataloader = dict(
            dataset=dict(
                _delete_=True,
                type="mmdense.SkipBroken",
                dataset=_base_.train_dataloader.dataset,
            )
        )

    The replacement of record i is the first whole one of i + 1, i + 2, ..., so it depends on the
    files alone and not on a worker's random state. A record that a transform rejects (returns
    None) is replaced in the same way, without being counted; the hosts would take one at random.

    Which pictures are broken stands in memory that the workers share: each is read, counted and
    logged once a process group. :class:`~mmdense.engine.broken_images.BrokenImagesHook` adds up
    the ranks and reports.

    Args:
        dataset: Config of the data set, or itself: one of MMEngine's ``BaseDataset`` that reads
            its pictures with ``mmdense.LoadImage``. Wrappers such as ``RepeatDataset`` go around
            this one.
        limit: Greatest share of pictures that may be broken.

    Raises:
        ValueError: ``limit`` is not between 0 and 1, the data set is for evaluation (each picture
            counts there), or reads its pictures with another transform.
        TypeError: ``dataset`` is a wrapper.
        TooManyBrokenImagesError: in training, more than ``limit`` of the pictures are broken.
    """

    def __init__(self, *, dataset: dict | BaseDataset, limit: float = 0.01) -> None:
        if not 0 < limit < 1:
            raise ValueError(f"SkipBroken: limit={limit} is a share between 0 and 1")
        if isinstance(dataset, dict):
            dataset = HOST_DATASETS.build(dataset)
        if not isinstance(dataset, BaseDataset):
            raise TypeError(
                f"SkipBroken: dataset is a {type(dataset).__name__}; put SkipBroken inside of it, "
                "directly around the data set that reads the pictures"
            )
        self._loader = _loader_of(dataset)
        self.dataset = dataset
        self.dataset.full_init()
        self.limit = limit
        #: uint8 ``[N]``, 1 where the picture of a record is broken; shared with the workers.
        self.broken = torch.zeros(len(dataset), dtype=torch.uint8).share_memory_()

    @property
    def metainfo(self) -> dict:
        """That of the data set."""
        return self.dataset.metainfo

    def full_init(self) -> None:
        """Nothing is left to do; MMEngine asks every data set."""

    def get_data_info(self, idx: int) -> dict:
        """The record before the pipeline, which the hosts' samplers read."""
        return self.dataset.get_data_info(idx)

    def get_cat_ids(self, idx: int) -> list[int]:
        """The classes of a record, which ``ClassBalancedDataset`` reads."""
        return self.dataset.get_cat_ids(idx)

    def __deepcopy__(self, memo: dict) -> SkipBroken:
        """A copy with shared memory of its own; the runner copies a data set that it is given."""
        return type(self)(dataset=copy.deepcopy(self.dataset, memo), limit=self.limit)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        for step in range(len(self)):
            candidate = (index + step) % len(self)
            if self.broken[candidate]:
                continue
            try:
                record = self.dataset.prepare_data(candidate)
            except BrokenImageError as error:
                self.broken[candidate] = 1
                print_log(f"skipped: {error}", "current", logging.WARNING)
                self.check_limit()
                continue
            if record is not None:
                return record
        raise TooManyBrokenImagesError(
            f"{type(self.dataset).__name__}: its pipeline rejects every one of {len(self)} records"
        )

    def broken_indices(self) -> list[int]:
        """The records whose pictures are broken, as far as known."""
        return self.broken.nonzero().flatten().tolist()

    def why(self, index: int) -> str:
        """Read a broken picture once more, and say what is wrong with it."""
        info = self.dataset.get_data_info(index)
        try:
            self._loader(info)
        except BrokenImageError as error:
            return str(error)
        return f"{info['img_path']}: failed in a worker but can be read now; check the storage"

    def check_limit(self) -> None:
        """Stop where too many pictures are broken.

        Raises:
            TooManyBrokenImagesError: more than ``limit`` of them.
        """
        found = self.broken_indices()
        if len(found) <= self.limit * len(self):
            return
        names = "\n".join(f"  {self.why(index)}" for index in found[:_NAMES_IN_AN_ERROR])
        raise TooManyBrokenImagesError(
            f"SkipBroken: {len(found)} of {len(self)} pictures are broken, more than limit="
            f"{self.limit:g} allows. Mend them (mmdense check_data lists all), or raise "
            f"train_dataloader.dataset.limit. The first:\n{names}"
        )


def skipping_datasets(dataset: Any) -> Iterator[SkipBroken]:
    """Every :class:`SkipBroken` in a data set and the wrappers around it."""
    if isinstance(dataset, SkipBroken):
        yield dataset
        return
    for inner in (getattr(dataset, "dataset", None), *getattr(dataset, "datasets", ())):
        if inner is not None:
            yield from skipping_datasets(inner)


def _loader_of(dataset: BaseDataset) -> LoadImage:
    """The transform that reads the pictures, where skipping can work with it."""
    name = type(dataset).__name__
    if dataset.test_mode:
        raise ValueError(
            f"SkipBroken: {name} has test_mode=True; an evaluation counts each picture once, so "
            "mend its broken ones"
        )
    transforms = dataset.pipeline.transforms
    if any(isinstance(transform, LoadImageFromFile) for transform in transforms):
        raise ValueError(
            f"SkipBroken: the pipeline of {name} reads with LoadImageFromFile, whose errors do not "
            "tell a broken picture; write dict(type='mmdense.LoadImage') in its place"
        )
    loaders = [transform for transform in transforms if isinstance(transform, LoadImage)]
    if not loaders:
        raise ValueError(f"SkipBroken: the pipeline of {name} has no mmdense.LoadImage")
    if loaders[0].ignore_empty:
        raise ValueError(
            f"SkipBroken: LoadImage of {name} has ignore_empty=True, which hides broken pictures "
            "from the count; leave it out"
        )
    return loaders[0]
