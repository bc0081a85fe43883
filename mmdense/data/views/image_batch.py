"""Pictures of sizes of their own as one block of memory.

Between a worker and the run each tensor takes a connection of its own; a batch of pictures is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmdense.registry import FUNCTIONS

__all__ = ["collate_images", "split_images"]


@FUNCTIONS.register_module()
def collate_images(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Collate what a pipeline that ends in :class:`~mmdense.data.pack_image.PackImage` gives.

    Returns:
        ``inputs`` with ``pixels``, uint8 of all pictures one behind the other, each ``[H, W, 3]``,
        and ``sizes``, int64 ``[B, 2]``, heights and widths; ``data_samples``, a list.
    """
    images = [record["inputs"].permute(1, 2, 0) for record in records]  # [H, W, 3] each
    pixels = torch.cat([image.reshape(-1) for image in images])
    sizes = torch.tensor([image.shape[:2] for image in images])  # [B, 2]
    samples = [record.get("data_samples") for record in records]
    return {"inputs": {"pixels": pixels, "sizes": sizes}, "data_samples": samples}


def split_images(pixels: Tensor, sizes: Tensor) -> list[Tensor]:
    """The pictures of a batch, ``[3, H, W]`` each, channels last in memory; nothing is copied."""
    shapes = [(height, width, 3) for height, width in sizes.tolist()]
    parts = pixels.split([height * width * 3 for height, width, _ in shapes])
    return [part.view(shape).permute(2, 0, 1) for part, shape in zip(parts, shapes, strict=True)]
