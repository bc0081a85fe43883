"""The transform that reads a picture, in the place of mmcv's ``LoadImageFromFile``."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio

from mmdense.data.read_image import COLOR_TYPES, BrokenImageError, decode_image, missing_image
from mmdense.registry import TRANSFORMS

__all__ = ["LoadImage"]


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Loads ``img_path`` into ``img``, ``img_shape`` and ``ori_shape`` as mmcv's transform does.

    Pictures decode by the rules of :mod:`mmdense.data.read_image`; a missing, cut off or damaged
    one ends in an error that names it. :class:`~mmdense.data.skip_broken.SkipBroken` replaces such
    pictures, and counts them.

    The hosts' inferencers look for the name ``LoadImageFromFile`` in a test pipeline: keep mmcv's
    transform there.

    Args:
        to_float32: Turn the picture into float32, 0 to 255.
        color_type: As for :func:`~mmdense.data.read_image.decode_image`.
        ignore_empty: Return None for a broken picture. The hosts' datasets then take another at
            random and say nothing.
        backend_args: Where files come from, as for ``mmengine.fileio.get``.

    Raises:
        ValueError: unknown ``color_type``.
        BrokenImageError: at loading, the picture is missing or broken.
    """

    def __init__(
        self,
        *,
        to_float32: bool = False,
        color_type: str = "color",
        ignore_empty: bool = False,
        backend_args: dict | None = None,
    ) -> None:
        if color_type not in COLOR_TYPES:
            raise ValueError(f"LoadImage: color_type={color_type!r} is none of {COLOR_TYPES}")
        self.to_float32 = to_float32
        self.color_type = color_type
        self.ignore_empty = ignore_empty
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict | None:
        """Add the picture to a record that has ``img_path``."""
        try:
            image = self._load(results["img_path"])
        except BrokenImageError:
            if self.ignore_empty:
                return None
            raise
        results["img"] = image.astype(np.float32) if self.to_float32 else image
        results["img_shape"] = image.shape[:2]
        results["ori_shape"] = image.shape[:2]
        return results

    def _load(self, path: str) -> np.ndarray:
        try:
            content = fileio.get(path, backend_args=self.backend_args)
        except (FileNotFoundError, IsADirectoryError) as error:
            raise missing_image(path) from error
        return decode_image(content, path, self.color_type)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(to_float32={self.to_float32}, "
            f"color_type={self.color_type!r}, ignore_empty={self.ignore_empty}, "
            f"backend_args={self.backend_args})"
        )
