"""Images of different sizes in one tensor: packing, collating, splitting.

One tensor per batch is faster to send from a worker than one tensor per image.
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
    """MMPretrain's ``PackInputs`` with RGB images in channels-last memory format.

    ``inputs`` is uint8 ``[3, H, W]``, channels last in memory.
    :class:`~mmdense.data.views.multi_view_preprocessor.MultiViewPreprocessor` reads it without a
    copy (set ``to_rgb=False``), and workers save the time of the conversion to planes.
    """

    @staticmethod
    def format_input(input_: np.ndarray) -> Tensor:
        """Return BGR ``[H, W, 3]`` as RGB ``[3, H, W]``."""
        return torch.from_numpy(cv2.cvtColor(input_, cv2.COLOR_BGR2RGB)).permute(2, 0, 1)


@FUNCTIONS.register_module()
def collate_images(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the batch of records of a pipeline that ends with :class:`PackImage`.

    Returns:
        ``inputs`` with ``pixels``, the concatenated uint8 images, each ``[H, W, 3]``, and
        ``sizes``, heights and widths, int64 ``[B, 2]``; ``data_samples``, a list.
    """
    images = [record["inputs"].permute(1, 2, 0) for record in records]  # [H, W, 3] each
    pixels = torch.cat([image.reshape(-1) for image in images])
    sizes = torch.tensor([image.shape[:2] for image in images])  # [B, 2]
    samples = [record.get("data_samples") for record in records]
    return {"inputs": {"pixels": pixels, "sizes": sizes}, "data_samples": samples}


def split_images(pixels: Tensor, sizes: Tensor) -> list[Tensor]:
    """Return the images of a batch as views, ``[3, H, W]`` each, channels last in memory."""
    shapes = [(height, width, 3) for height, width in sizes.tolist()]
    parts = pixels.split([height * width * 3 for height, width, _ in shapes])
    return [part.view(shape).permute(2, 0, 1) for part, shape in zip(parts, shapes, strict=True)]
