"""A fixed selection of images from the data of a run, as the model gets them.

Letters: B images of a batch, C channels, H and W of an image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope
from torch import Tensor, nn
from torchvision.transforms.v2.functional import resize

from mmdense.data.pipelines import gives_bgr, without_augmentation

_SPLITS = ("val", "test", "train")
_SHORT_SIDE = 256  # pixels, of a training image that no step of the pipeline resizes


class ChosenImage(NamedTuple):
    """One image.

    Attributes:
        name: File name, or the index if there is no file.
        image: Image for display after the pipeline, RGB, uint8. [H, W, 3]
        pixels: Input of the data preprocessor, not normalised. [C, H, W]
        sample: Data sample of OpenMMLab, or None.
        label: Class number; None unless it has exactly one.
    """

    name: str
    image: np.ndarray
    pixels: Tensor
    sample: Any
    label: int | None


@dataclass
class ImageSource:
    """A data set of a config, without random transforms.

    Attributes:
        dataset: Data set object.
        split: ``val``, ``test`` or ``train``.
        classes: Names of the classes; may be empty.
        bgr: Whether the channels of ``pixels`` are BGR.
    """

    dataset: Any
    split: str
    classes: tuple[str, ...] = ()
    bgr: bool = True

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> ChosenImage:
        record = self.dataset[index]
        pixels = record.get("inputs") if isinstance(record, Mapping) else None
        if not isinstance(pixels, Tensor) or pixels.ndim != 3:
            raise ValueError(
                f"image {index} of {self.split}_dataloader.dataset has no tensor `inputs` "
                "[C, H, W]. Its pipeline must end with a Pack...Inputs transform and give one view"
            )
        sample = record.get("data_samples")
        if self.split == "train" and (sample is None or "scale_factor" not in sample):
            pixels = _shrunk(pixels)  # [C, H, W]
        path = "" if sample is None else str(sample.get("img_path") or "")
        label = None if sample is None else sample.get("gt_label")
        label = int(label) if label is not None and label.numel() == 1 else None
        name = Path(path).name or f"image {index}"
        return ChosenImage(name, as_rgb(pixels[None], self.bgr)[0], pixels, sample, label)

    def spread(self, count: int) -> list[ChosenImage]:
        """Return at most ``count`` evenly spaced images."""
        return [self[index] for index in evenly_spaced(len(self), count)]

    def class_name(self, label: int) -> str:
        """Return the name of a class, or its number."""
        return self.classes[label] if 0 <= label < len(self.classes) else f"class {label}"

    def describe(self, count: int) -> str:
        """Describe ``count`` of the images, for a caption."""
        name = {"val": "validation", "test": "test", "train": "training"}[self.split]
        if count == len(self):
            return f"all {count} images of the {name} set" if count > 1 else f"the one {name} image"
        return f"{count} evenly spaced images of the {len(self):,} in the {name} set"


def open_images(cfg: Config) -> ImageSource:
    """Return the validation set of a config; without one the test set, else the training set.

    The first two keep their pipelines. For a training set, only steps that load, resize and pack
    are kept; if no step resizes, images are reduced to a short side of 256 pixels.

    Raises:
        ValueError: The config has no data set, or it is empty.
    """
    init_default_scope(cfg.get("default_scope") or "mmpretrain")
    given = {split: (cfg.get(f"{split}_dataloader") or {}).get("dataset") for split in _SPLITS}
    split = next((split for split in _SPLITS if given[split]), None)
    if split is None:
        looked = ", ".join(f"{split}_dataloader.dataset" for split in _SPLITS)
        raise ValueError(f"{cfg.filename} has no data set: looked for {looked}")
    settings = given[split]
    if split == "train":
        settings = without_augmentation(settings)
    dataset = DATASETS.build(settings)
    if hasattr(dataset, "full_init"):
        dataset.full_init()
    if not len(dataset):
        raise ValueError(f"{split}_dataloader.dataset of {cfg.filename} has no images")
    classes = (getattr(dataset, "metainfo", None) or {}).get("classes") or ()
    return ImageSource(dataset, split, tuple(classes), gives_bgr(settings))


def evenly_spaced(total: int, count: int) -> list[int]:
    """Return ``count`` evenly spaced indices below ``total``; all if there are fewer."""
    return np.linspace(0, total - 1, min(count, total)).round().astype(int).tolist()


def network_input(images: Sequence[ChosenImage], preprocess: nn.Module) -> Tensor:
    """Return images of one size after MMPretrain's data preprocessor, float32 [B, C, H, W]."""
    with torch.no_grad():
        return preprocess({"inputs": [image.pixels for image in images]})["inputs"]


def _shrunk(pixels: Tensor) -> Tensor:
    """Reduce an image to a short side of at most 256 pixels, [C, H, W]."""
    return pixels if min(pixels.shape[1:]) <= _SHORT_SIDE else resize(pixels, [_SHORT_SIDE])


def as_rgb(images: Tensor, bgr: bool) -> np.ndarray:
    """Convert [B, C, H, W] to RGB uint8 [B, H, W, 3]; further channels than three are left out."""
    three = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images[:, :3]
    three = three.flip(1) if bgr else three
    return np.ascontiguousarray(three.clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy())
