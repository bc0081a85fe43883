"""The last transform of a pipeline whose views are made on the batch."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from mmpretrain.datasets import PackInputs
from torch import Tensor

from mmdense.registry import TRANSFORMS

__all__ = ["PackImage"]


@TRANSFORMS.register_module()
class PackImage(PackInputs):
    """MMPretrain's ``PackInputs``, but the picture becomes RGB and stays as it lies in memory.

    ``inputs`` is uint8 ``[3, H, W]`` with the channels last in memory, which
    :class:`~mmdense.data.views.multi_view_preprocessor.MultiViewPreprocessor` takes without a copy
    (with ``to_rgb=False``). Bringing the planes apart would take a worker's time, and nobody needs
    them.
    """

    @staticmethod
    def format_input(input_: np.ndarray) -> Tensor:
        """Turn BGR ``[H, W, 3]`` into RGB ``[3, H, W]``."""
        return torch.from_numpy(cv2.cvtColor(input_, cv2.COLOR_BGR2RGB)).permute(2, 0, 1)
