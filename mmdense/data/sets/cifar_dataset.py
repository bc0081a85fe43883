"""The prepared CIFAR arrays as data sets."""

from __future__ import annotations

from typing import ClassVar

from mmdense.data.sets.prepared_images import PreparedImages
from mmdense.registry import DATASETS

__all__ = ["CIFAR10", "CIFAR100"]


@DATASETS.register_module()
class CIFAR10(PreparedImages):
    """CIFAR-10 from ``data/cifar10``; see the base class for the records and the arguments."""

    title: ClassVar[str] = "CIFAR-10"
    splits: ClassVar[tuple[str, ...]] = ("train", "test")


@DATASETS.register_module()
class CIFAR100(CIFAR10):
    """CIFAR-100, fine labels, from ``data/cifar100``; otherwise as :class:`CIFAR10`."""

    title: ClassVar[str] = "CIFAR-100"
