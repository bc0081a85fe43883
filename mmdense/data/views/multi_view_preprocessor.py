"""Data preprocessor that makes random views of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from mmengine.dist import get_rank
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmdense.data.views.image_batch import split_images
from mmdense.data.views.parameters import ViewDistribution
from mmdense.data.views.random_view import random_view
from mmdense.registry import MODELS

__all__ = ["MultiViewPreprocessor"]


@MODELS.register_module()
class MultiViewPreprocessor(BaseDataPreprocessor):
    """Make random views for training, and the normalised image otherwise.

    It replaces the transform ``MultiView`` and the ``SelfSupDataPreprocessor`` of MMPretrain:
    workers load whole images, and the views are made on the device of the model. For images of
    different sizes, put ``PackImage`` at the end of the pipeline and set
    ``collate_fn=dict(type="mmdense.collate_images")``.

    SimSiam and SimCLR use one group of two views. The multi-crop of DINO has three groups::

        common=dict(saturation=0.2),
        views=[
            dict(size=224, crop_scale=(0.4, 1.0), blur_prob=1.0),
            dict(size=224, crop_scale=(0.4, 1.0), blur_prob=0.1, solarize_prob=0.2),
            dict(size=96, num=8, crop_scale=(0.05, 0.4)),
        ]

    The views are reproducible with the seed of the run: each batch draws its seed from torch's
    global CPU generator and adds the rank, so ranks with the same seed draw different views.

    Args:
        views: Groups of views. A group has ``num`` (default 1), ``size`` (height and width in
            pixels, or one number for both), and other values of
            :class:`mmdense.data.views.parameters.ViewDistribution`.
        mean: Mean of each channel, RGB, 0 to 255.
        std: Standard deviation of each channel, RGB, 0 to 255.
        to_rgb: Whether the inputs are BGR, as from upstream's image loader.
        common: Default values of all groups.
        non_blocking: Whether to copy to the device asynchronously.

    Raises:
        ValueError: There is no view, or a value is out of range; the message names its key.
        TypeError: A group has an unknown key or no size.
    """

    def __init__(
        self,
        *,
        views: Sequence[Mapping[str, Any]],
        mean: Sequence[float],
        std: Sequence[float],
        to_rgb: bool,
        common: Mapping[str, Any] | None = None,
        non_blocking: bool = False,
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        self.views = tuple(_distributions(views, common or {}))
        self.to_rgb = to_rgb
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1) / 255, persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1) / 255, persistent=False)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Make the views.

        Args:
            data: ``inputs``, uint8 ``[B, 3, H, W]``; in training also B images ``[3, H, W]`` of any
                size, as a list or from ``collate_images``. Optional ``data_samples``.
            training: Whether to make views.

        Returns:
            ``inputs``, normalised: in training a list of views ``[B, 3, h, w]`` in the order of the
            groups, otherwise ``[B, 3, H, W]``; unchanged ``data_samples``, or None.
        """
        images = _bytes_of_rgb(self.cast_data(data["inputs"]))
        if self.to_rgb:
            images = images.flip(1) if isinstance(images, Tensor) else [x.flip(0) for x in images]
        # Upstream calls this under autocast, which would reduce the precision of the pixels.
        with torch.autocast(self.mean.device.type, enabled=False):
            inputs = self._views(images) if training else self._one_view(images)
        return dict(inputs=inputs, data_samples=self.cast_data(data.get("data_samples")))

    def _views(self, images: Tensor | list[Tensor]) -> list[Tensor]:
        seed = int(torch.randint(1 << 62, ()))
        generator = torch.Generator().manual_seed(seed + get_rank())
        mean, std = self.mean.flatten(), self.std.flatten()
        return [
            random_view(images, view, generator=generator, mean=mean, std=std)
            for view in self.views
        ]

    def _one_view(self, images: Tensor | list[Tensor]) -> Tensor:
        if not isinstance(images, Tensor):
            raise ValueError(
                f"inputs of the sizes {sorted({tuple(x.shape[1:]) for x in images})} cannot form a "
                "batch. Crop or resize to one size in the pipeline of val_dataloader."
            )
        return (images.float() / 255 - self.mean) / self.std


def _distributions(
    views: Sequence[Mapping[str, Any]], common: Mapping[str, Any]
) -> Iterator[ViewDistribution]:
    """Yield one distribution per view."""
    if isinstance(views, Mapping) or not views:
        raise ValueError(
            f"data_preprocessor.views={views} must be a list of groups, such as "
            "[dict(num=2, size=224)]"
        )
    for place, group in enumerate(views):
        values = {"num": 1, **common, **group}
        num, size = values.pop("num"), values.get("size")
        if isinstance(size, int):
            values["size"] = (size, size)
        try:
            if not isinstance(num, int) or num < 1:
                raise ValueError(f"num={num} must be a positive integer")
            yield from [ViewDistribution(**values)] * num
        except (TypeError, ValueError) as error:
            raise type(error)(f"data_preprocessor.views[{place}]: {error}") from None


def _bytes_of_rgb(inputs: Tensor | Sequence[Tensor] | dict) -> Tensor | list[Tensor]:
    """Return one batch if all images have the same size, otherwise a list."""
    if isinstance(inputs, dict):
        inputs = split_images(**inputs)
    for image in inputs:
        if image.ndim != 3 or image.shape[0] != 3 or image.dtype != torch.uint8:
            raise ValueError(
                f"an input is {image.dtype} {tuple(image.shape)}, not uint8 [3, H, W]. Remove "
                "normalisation and views from the pipeline: data_preprocessor makes them."
            )
    if isinstance(inputs, Tensor):
        return inputs
    one_size = len({image.shape for image in inputs}) == 1
    return torch.stack(list(inputs)) if one_size else list(inputs)
