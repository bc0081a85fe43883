"""Data preprocessor that makes random views of each image on the batch."""

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
    """Random views for training, the normalised image otherwise.

    It replaces the transform ``MultiView`` and the ``SelfSupDataPreprocessor`` of MMPretrain:
    workers pass whole images, and the views are made here, on the device of the model. Images of
    different sizes need ``PackImage`` at the end of the pipeline and
    ``collate_fn=dict(type="mmdense.collate_images")``.

    SimSiam and SimCLR have one group of two equal views. The multi-crop of DINO has three groups::

        common=dict(saturation=0.2),
        views=[
            dict(size=224, crop_scale=(0.4, 1.0), blur_prob=1.0),
            dict(size=224, crop_scale=(0.4, 1.0), blur_prob=0.1, solarize_prob=0.2),
            dict(size=96, num=8, crop_scale=(0.05, 0.4)),
        ]

    Views repeat under the seed of the run: each batch draws one number from torch's global CPU
    generator. The rank is added to it, so ranks with the same seed still draw different views.

    Args:
        views: Groups of equal views. A group has ``num`` (1 by default), ``size`` (height and width
            in pixels, or one number for both), and other values of
            :class:`mmdense.data.views.parameters.ViewDistribution`.
        mean: Of each channel, RGB, from 0 to 255.
        std: Of each channel, RGB, from 0 to 255.
        to_rgb: Whether the inputs are BGR, as upstream's image loader gives them.
        common: Values of every group that does not have its own.
        non_blocking: Whether to copy to the device without waiting.

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
            data: ``inputs``, uint8 ``[B, 3, H, W]``, or for training B images ``[3, H, W]`` of any
                sizes, as a list or as ``collate_images`` gives them; and maybe ``data_samples``.
            training: Whether to make views.

        Returns:
            ``inputs``: for training a list of ``[B, 3, h, w]``, the views of the first group first,
            else one ``[B, 3, H, W]``, all normalised; ``data_samples`` as they came, or None.
        """
        images = _bytes_of_rgb(self.cast_data(data["inputs"]))
        if self.to_rgb:
            images = images.flip(1) if isinstance(images, Tensor) else [x.flip(0) for x in images]
        # Upstream calls this under autocast, but pixels keep their precision.
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
                f"inputs of the sizes {sorted({tuple(x.shape[1:]) for x in images})} are not one "
                "batch; end the pipeline of val_dataloader with a crop or resize to one size"
            )
        return (images.float() / 255 - self.mean) / self.std


def _distributions(
    views: Sequence[Mapping[str, Any]], common: Mapping[str, Any]
) -> Iterator[ViewDistribution]:
    """One distribution a view."""
    if isinstance(views, Mapping) or not views:
        raise ValueError(f"data_preprocessor.views={views} is not a list of groups; [dict(num=2)]")
    for place, group in enumerate(views):
        values = {"num": 1, **common, **group}
        num, size = values.pop("num"), values.get("size")
        if isinstance(size, int):
            values["size"] = (size, size)
        try:
            if not isinstance(num, int) or num < 1:
                raise ValueError(f"num={num} is not a whole number above 0")
            yield from [ViewDistribution(**values)] * num
        except (TypeError, ValueError) as error:
            raise type(error)(f"data_preprocessor.views[{place}]: {error}") from None


def _bytes_of_rgb(inputs: Tensor | Sequence[Tensor] | dict) -> Tensor | list[Tensor]:
    """One batch where all are of one size, else a list."""
    if isinstance(inputs, dict):
        inputs = split_images(**inputs)
    for image in inputs:
        if image.ndim != 3 or image.shape[0] != 3 or image.dtype != torch.uint8:
            raise ValueError(
                f"an input is {image.dtype} {tuple(image.shape)}: need uint8 [3, H, W] each; views "
                "belong to this preprocessor, not to the pipeline"
            )
    if isinstance(inputs, Tensor):
        return inputs
    one_size = len({image.shape for image in inputs}) == 1
    return torch.stack(list(inputs)) if one_size else list(inputs)
