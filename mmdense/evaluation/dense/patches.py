"""Patch features of images by a frozen backbone.

Letters: I images, B images of a batch, N = R S patches, D channels, S side of the images.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from mmengine.config import Config
from torch import Tensor, nn

from mmdense.evaluation.dense.images import DenseImages
from mmdense.evaluation.feature_bank import empty_bank
from mmdense.evaluation.features import evaluating, initialise
from mmdense.evaluation.probe_loaders import build_preprocessor
from mmdense.ssl.tokens import tokens_of
from mmdense.transfer.apply import build_backbone, load_backbone
from mmdense.transfer.report import TransferReport

__all__ = ["FrozenBackbone", "Patches", "frozen_backbone", "giving_patches", "patch_features"]

_POOLED = ("cls_token", "avg_featmap")  # output types of MMPretrain's transformers without patches


class Patches(NamedTuple):
    """Features of patches, in the order of rows, then columns.

    Attributes:
        features: float32, not normalised. [I, N, D]
        grid: Rows and columns.
    """

    features: Tensor
    grid: tuple[int, int]


@dataclass(frozen=True)
class FrozenBackbone:
    """A backbone and the normalisation of its inputs.

    Attributes:
        module: Backbone of OpenMMLab; its last output counts.
        preprocess: Data preprocessor of MMPretrain for single images.
    """

    module: nn.Module
    preprocess: nn.Module

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.module.parameters()).device

    def inputs(self, images: Tensor) -> Tensor:
        """Return BGR images of values 0 to 255, [B, 3, S, S], as the backbone takes them."""
        return self.preprocess({"inputs": list(images.to(self.device))})["inputs"]

    @torch.no_grad()
    def patches(self, images: Tensor) -> Patches:
        """Return the patches of BGR images of values 0 to 255.

        Args:
            images: uint8 or float. [B, 3, S, S]

        Raises:
            ValueError: The backbone gives no patches, patches that do not tile the images, or NaN.
        """
        with evaluating(self.module), giving_patches(self.module):
            found = tokens_of(self.module, self.inputs(images))
        name, (height, width) = type(self.module).__name__, images.shape[-2:]
        if found.patches is None:
            raise ValueError(f"{name} returns one vector per image; dense evaluation needs a map")
        if height % found.grid[0] or width % found.grid[1]:
            raise ValueError(
                f"{name} has {found.grid[0]} x {found.grid[1]} patches for images of {height} x "
                f"{width}; choose a size that its stride divides"
            )
        features = found.patches.float()  # [B, N, D]
        if not features.isfinite().all():
            raise ValueError(f"{name}: patch features contain NaN or infinity")
        return Patches(features, found.grid)


def frozen_backbone(
    cfg: Config, checkpoint: str | Path | None, *, device: str | torch.device = "cpu"
) -> tuple[FrozenBackbone, TransferReport | None]:
    """Return the backbone of a config, and what was loaded into it.

    Args:
        cfg: Of a pretraining, a detector, a segmentor or a classifier.
        checkpoint: Loaded strictly, see :func:`mmdense.transfer.apply.load_backbone`; None for
            random weights.
        device: Where the backbone runs.

    Raises:
        ValueError: The config has no ``model.backbone``, or the checkpoint does not fit.
        FileNotFoundError: There is no such checkpoint.
    """
    where = str(cfg.filename)
    backbone, _ = build_backbone(cfg)
    preprocess = build_preprocessor(cfg, None, where=where)
    report = None
    if checkpoint is None:
        initialise(backbone)
    else:
        report = load_backbone(backbone, checkpoint)
    return FrozenBackbone(backbone.to(device), preprocess.to(device)), report


def patch_features(
    frozen: FrozenBackbone,
    images: DenseImages,
    *,
    size: int,
    batch_size: int = 8,
    folder: str | Path | None = None,
) -> Patches:
    """Return the patches of all images on the CPU.

    They need 4 I N D bytes; above 512 MiB they are in a file, see
    :func:`~mmdense.evaluation.feature_bank.empty_bank`.

    Args:
        frozen: The backbone.
        images: Resized to squares.
        size: Side of the squares in pixels.
        batch_size: B.
        folder: Folder of the file.

    Raises:
        ValueError: As :meth:`FrozenBackbone.patches`.
    """
    bank: Tensor | None = None
    grid, filled = (0, 0), 0
    for batch in _batches(images, size, batch_size):
        features, grid = frozen.patches(batch)
        if bank is None:
            rows, channels = len(images) * features.shape[1], features.shape[2]
            bank = empty_bank(rows, channels, folder=folder).view(len(images), -1, channels)
        bank[filled : filled + len(batch)] = features
        filled += len(batch)
    if bank is None:
        raise ValueError("no images")
    return Patches(bank, grid)


def _batches(images: DenseImages, size: int, batch_size: int) -> Iterator[Tensor]:
    for start in range(0, len(images), batch_size):
        stop = min(start + batch_size, len(images))
        yield torch.stack([images.square(index, size) for index in range(start, stop)])


@contextmanager
def giving_patches(backbone: nn.Module) -> Iterator[None]:
    """Context in which a transformer returns its tokens instead of one vector."""
    kind = vars(backbone).get("out_type")
    if kind not in _POOLED:
        yield
        return
    vars(backbone)["out_type"] = "raw"
    try:
        yield
    finally:
        vars(backbone)["out_type"] = kind
