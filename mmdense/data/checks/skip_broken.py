"""A data set wrapper that skips broken images and counts them."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from typing import Any

import torch
from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from torch.utils.data import Dataset

from mmdense.data.load_image import LoadImage
from mmdense.data.read_image import BrokenImageError
from mmdense.registry import DATASETS

__all__ = ["SkipBroken", "TooManyBrokenImagesError", "skipping_datasets"]

_NAMES_IN_AN_ERROR = 5


class TooManyBrokenImagesError(RuntimeError):
    """More images are broken than the limit allows."""


@DATASETS.register_module()
class SkipBroken(Dataset):
    """Replace each record whose image is missing or broken by the next intact record.

    In a config that inherits its data set::

        dataset = _base_.train_dataloader.dataset
        dataset = dict(_delete_=True, type="mmdense.SkipBroken", dataset=dataset)
        train_dataloader = dict(dataset=dataset)

    The replacement of record i is the first intact one of i + 1, i + 2, ..., so it does not depend
    on the random state of a worker. A record for which a transform returns None is replaced in the
    same way, but not counted; upstream draws a random replacement instead.

    The workers share the flags of broken images, so each broken image is read, counted and logged
    once per rank. :class:`~mmdense.engine.broken_images.BrokenImagesHook` combines the ranks and
    logs the result.

    Args:
        dataset: Config or instance of a ``BaseDataset`` of MMEngine that reads images with
            ``mmdense.LoadImage``. Put wrappers such as ``RepeatDataset`` around ``SkipBroken``.
        limit: Maximum fraction of broken images.

    Raises:
        ValueError: ``limit`` is not between 0 and 1, the data set is for evaluation (which must use
            every image), or it reads images with another transform.
        TypeError: ``dataset`` is a wrapper.
        TooManyBrokenImagesError: In training, more than ``limit`` of the images are broken.
    """

    def __init__(self, *, dataset: dict | BaseDataset, limit: float = 0.01) -> None:
        if not 0 < limit < 1:
            raise ValueError(f"SkipBroken: limit={limit} must be between 0 and 1")
        if isinstance(dataset, dict):
            dataset = MMENGINE_DATASETS.build(dataset)
        if not isinstance(dataset, BaseDataset):
            raise TypeError(
                f"SkipBroken: dataset is a {type(dataset).__name__}. Put SkipBroken inside it, "
                "directly around the data set that reads the images."
            )
        self._loader = _loader_of(dataset)
        self.dataset = dataset
        self.dataset.full_init()
        self.limit = limit
        #: uint8 ``[N]``, 1 if the image of a record is broken; shared with the workers.
        self.broken = torch.zeros(len(dataset), dtype=torch.uint8).share_memory_()

    @property
    def metainfo(self) -> dict:
        """The metainfo of the data set."""
        return self.dataset.metainfo

    def full_init(self) -> None:
        """Do nothing: the data set is initialised already. MMEngine calls this method."""

    def get_data_info(self, idx: int) -> dict:
        """Return the record before the pipeline, for the samplers of upstream."""
        return self.dataset.get_data_info(idx)

    def get_cat_ids(self, idx: int) -> list[int]:
        """Return the classes of a record, for ``ClassBalancedDataset``."""
        return self.dataset.get_cat_ids(idx)

    def __deepcopy__(self, memo: dict) -> SkipBroken:
        """Return a copy with new shared memory; MMEngine's runner copies data set instances."""
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
                print_log(f"Skipping broken image: {error}", "current", logging.WARNING)
                self.check_limit()
                continue
            if record is not None:
                return record
        raise TooManyBrokenImagesError(
            f"{type(self.dataset).__name__}: the pipeline returns None for all {len(self)} "
            "records. Check its filters."
        )

    def broken_indices(self) -> list[int]:
        """Return the indices of the records whose images were found to be broken."""
        return self.broken.nonzero().flatten().tolist()

    def why(self, index: int) -> str:
        """Read a broken image again and return the reason."""
        info = self.dataset.get_data_info(index)
        try:
            self._loader(info)
        except BrokenImageError as error:
            return str(error)
        return f"{info['img_path']}: failed in a worker, but can be read now; check the storage"

    def check_limit(self) -> None:
        """Raise an error if too many images are broken.

        Raises:
            TooManyBrokenImagesError: More than ``limit`` of the images are broken.
        """
        found = self.broken_indices()
        if len(found) <= self.limit * len(self):
            return
        names = "\n".join(f"  {self.why(index)}" for index in found[:_NAMES_IN_AN_ERROR])
        raise TooManyBrokenImagesError(
            f"SkipBroken: {len(found)} of {len(self)} images are broken, more than limit="
            f"{self.limit:g} allows. Fix them (`mmdense check_data` lists all), or raise "
            f"train_dataloader.dataset.limit. The first ones:\n{names}"
        )


def skipping_datasets(dataset: Any) -> Iterator[SkipBroken]:
    """Yield every :class:`SkipBroken` in a data set and its wrappers."""
    if isinstance(dataset, SkipBroken):
        yield dataset
        return
    for inner in (getattr(dataset, "dataset", None), *getattr(dataset, "datasets", ())):
        if inner is not None:
            yield from skipping_datasets(inner)


def _loader_of(dataset: BaseDataset) -> LoadImage:
    """Return the transform that reads the images, or raise an error if it cannot be used."""
    transforms = dataset.pipeline.transforms
    loader = next((one for one in transforms if isinstance(one, LoadImage)), None)
    if dataset.test_mode:
        problem = "has test_mode=True. An evaluation must use every image: remove SkipBroken."
    elif any(isinstance(one, LoadImageFromFile) for one in transforms):
        problem = (
            "has LoadImageFromFile, whose errors do not identify a broken image. Use "
            "dict(type='mmdense.LoadImage') instead."
        )
    elif loader is None:
        problem = "has no mmdense.LoadImage. Add it to its pipeline."
    elif loader.ignore_empty:
        problem = "hides broken images from the count. Remove ignore_empty=True of LoadImage."
    else:
        return loader
    raise ValueError(f"SkipBroken: {type(dataset).__name__} {problem}")
