"""The transform that decodes an image which the data set has read already."""

from __future__ import annotations

import mmcv
from mmcv.transforms import BaseTransform

from mmdense.registry import TRANSFORMS

__all__ = ["LoadImageFromBytes"]


@TRANSFORMS.register_module()
class LoadImageFromBytes(BaseTransform):
    """Decodes ``img_bytes`` as the host's ``LoadImageFromFile`` decodes a file.

    Takes ``img_bytes`` away; adds ``img`` (uint8 ``[H, W, 3]``, BGR), ``img_shape`` and
    ``ori_shape`` (height, width).

    Args:
        color_type: Flag of :func:`mmcv.imfrombytes`.
        imdecode_backend: Backend of :func:`mmcv.imfrombytes`.

    Raises:
        ValueError: The bytes are no image; the message has the record's ``img_path``.
    """

    def __init__(self, color_type: str = "color", imdecode_backend: str = "cv2") -> None:
        self.color_type = color_type
        self.imdecode_backend = imdecode_backend

    def transform(self, results: dict) -> dict:
        """Decode one record."""
        content = results.pop("img_bytes")
        try:
            image = mmcv.imfrombytes(content, self.color_type, backend=self.imdecode_backend)
        except Exception as error:  # each backend has errors of its own
            raise ValueError(f"{results['img_path']} is no image: {error}") from error
        if image is None:
            raise ValueError(f"{results['img_path']} is no image ({len(content)} bytes)")
        results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        return results
