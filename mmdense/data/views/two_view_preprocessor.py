"""Data preprocessor that makes two random views of each image on the batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.dist import get_rank
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmdense.data.views.image_batch import split_images
from mmdense.data.views.random_view import random_view
from mmdense.data.views.recipe import ViewRecipe
from mmdense.registry import MODELS

__all__ = ["TwoViewPreprocessor"]


@MODELS.register_module()
class TwoViewPreprocessor(BaseDataPreprocessor):
    """Two views for training, the normalised image otherwise.

    It takes the place of the transforms ``MultiView`` and of ``SelfSupDataPreprocessor`` in
    MMPretrain: workers hand over whole images, and the views are made here, on the device of the
    model. Images of sizes of their own need ``PackImage`` at the end of the pipeline and
    ``collate_fn=dict(type="mmdense.collate_images")``.

    Views repeat under the run's seed: each batch draws one number from torch's global CPU
    generator. The rank is added to it, so ranks with the same seed still draw different views.

    Args:
        size: Height and width of a view, or one number for both, in pixels.
        mean: Of each channel, RGB, from 0 to 255.
        std: Of each channel, RGB, from 0 to 255.
        to_rgb: Whether the inputs are BGR, as the host's image loader gives them.
        view: Other values of :class:`mmdense.data.views.recipe.ViewRecipe` for both views.
        second_view: The same for the second view alone, on top of ``view`` (BYOL's asymmetry).
        non_blocking: Whether the copy to the device need not be waited for.

    Raises:
        ValueError: a value of the recipe is out of range; the message names its key.
        TypeError: a key that the recipe does not have.
    """

    def __init__(
        self,
        *,
        size: int | Sequence[int],
        mean: Sequence[float],
        std: Sequence[float],
        to_rgb: bool,
        view: dict | None = None,
        second_view: dict | None = None,
        non_blocking: bool = False,
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        height, width = (size, size) if isinstance(size, int) else size
        shared = dict(view or {}, size=(height, width))
        self.recipes: tuple[ViewRecipe, ...] = (
            ViewRecipe(**shared),
            ViewRecipe(**{**shared, **(second_view or {})}),
        )
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
            ``inputs``: for training a list of two ``[B, 3, h, w]``, else one ``[B, 3, H, W]``, all
            normalised; ``data_samples`` as they came, or None.
        """
        images = _bytes_of_rgb(self.cast_data(data["inputs"]))
        if self.to_rgb:
            images = images.flip(1) if isinstance(images, Tensor) else [x.flip(0) for x in images]
        # The host calls this under autocast, but pixels keep their precision.
        with torch.autocast(self.mean.device.type, enabled=False):
            inputs = self._views(images) if training else self._one_view(images)
        return dict(inputs=inputs, data_samples=self.cast_data(data.get("data_samples")))

    def _views(self, images: Tensor | list[Tensor]) -> list[Tensor]:
        seed = int(torch.randint(1 << 62, ()))
        generator = torch.Generator().manual_seed(seed + get_rank())
        mean, std = self.mean.flatten(), self.std.flatten()
        return [
            random_view(images, recipe, generator=generator, mean=mean, std=std)
            for recipe in self.recipes
        ]

    def _one_view(self, images: Tensor | list[Tensor]) -> Tensor:
        if not isinstance(images, Tensor):
            raise ValueError(
                f"inputs of the sizes {sorted({tuple(x.shape[1:]) for x in images})} are not one "
                "batch; end the pipeline of val_dataloader with a crop or resize to one size"
            )
        return (images.float() / 255 - self.mean) / self.std


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
