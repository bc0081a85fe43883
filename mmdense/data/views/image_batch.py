"""Images of different sizes as one block of memory: packing, collating, splitting.

Between a worker and the run each tensor takes a connection of its own; a batch of images is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from mmpretrain.datasets import PackInputs
from torch import Tensor

from mmdense.registry import FUNCTIONS, TRANSFORMS

__all__ = ["PackImage", "collate_images", "split_images"]


@TRANSFORMS.register_module()
class PackImage(PackInputs):
    """MMPretrain's ``PackInputs``, but the image becomes RGB and keeps its layout in memory.

    ``inputs`` is uint8 ``[3, H, W]`` with the channels last in memory, which
    :class:`~mmdense.data.views.multi_view_preprocessor.MultiViewPreprocessor` takes without a copy
    (with ``to_rgb=False``). Bringing the planes apart would take a worker's time, and nobody needs
    them.
    """

    @staticmethod
    def format_input(input_: np.ndarray) -> Tensor:
        """Turn BGR ``[H, W, 3]`` into RGB ``[3, H, W]``."""
        return torch.from_numpy(cv2.cvtColor(input_, cv2.COLOR_BGR2RGB)).permute(2, 0, 1)


@FUNCTIONS.register_module()
def collate_images(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Collate the records of a pipeline that ends in :class:`PackImage`.

    Returns:
        ``inputs`` with ``pixels``, uint8 of all images one after another, each ``[H, W, 3]``,
        and ``sizes``, int64 ``[B, 2]``, heights and widths; ``data_samples``, a list.
    """
    images = [record["inputs"].permute(1, 2, 0) for record in records]  # [H, W, 3] each
    pixels = torch.cat([image.reshape(-1) for image in images])
    sizes = torch.tensor([image.shape[:2] for image in images])  # [B, 2]
    samples = [record.get("data_samples") for record in records]
    return {"inputs": {"pixels": pixels, "sizes": sizes}, "data_samples": samples}


def split_images(pixels: Tensor, sizes: Tensor) -> list[Tensor]:
    """Return views of the images, ``[3, H, W]`` each, channels last in memory."""
    shapes = [(height, width, 3) for height, width in sizes.tolist()]
    parts = pixels.split([height * width * 3 for height, width, _ in shapes])
    return [part.view(shape).permute(2, 0, 1) for part, shape in zip(parts, shapes, strict=True)]
