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

    A record that has ``img_bytes`` (of :class:`~mmdense.data.shards.dataset.ShardDataset`) is
    decoded from those.

    Pictures decode by the rules of :mod:`mmdense.data.read_image`; a missing, cut off or damaged
    one ends in an error that names it. :class:`~mmdense.data.checks.skip_broken.SkipBroken`
    replaces such pictures, and counts them.

    The hosts' inferencers look for the name ``LoadImageFromFile`` in a test pipeline: keep mmcv's
    transform there.

    Args:
        to_float32: Turn the picture into float32, 0 to 255.
        color_type: As for :func:`~mmdense.data.read_image.decode_image`.
        ignore_empty: Return None for a broken picture. The hosts' datasets then take another at
            random and say nothing.
        backend_args: Where files come from, as for ``mmengine.fileio.get``.
        short_side: As for :func:`~mmdense.data.read_image.decode_image`. Only for pictures without
            annotations, since a picture becomes smaller and its boxes would not.

    Raises:
        ValueError: unknown ``color_type``, or ``short_side`` with ``unchanged``; at loading,
            ``short_side`` and annotations.
        BrokenImageError: at loading, the picture is missing or broken.
    """

    def __init__(
        self,
        *,
        to_float32: bool = False,
        color_type: str = "color",
        ignore_empty: bool = False,
        backend_args: dict | None = None,
        short_side: int | None = None,
    ) -> None:
        if color_type not in COLOR_TYPES:
            raise ValueError(f"LoadImage: color_type={color_type!r} is none of {COLOR_TYPES}")
        if short_side is not None and color_type == "unchanged":
            raise ValueError("LoadImage: short_side does not go with color_type='unchanged'")
        self.short_side = short_side
        self.to_float32 = to_float32
        self.color_type = color_type
        self.ignore_empty = ignore_empty
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict | None:
        """Add the picture to a record that has ``img_path``, and take ``img_bytes`` away."""
        annotated = {"instances", "seg_map_path"} & results.keys()
        if self.short_side is not None and annotated:
            raise ValueError(
                f"{results['img_path']} has annotations ({sorted(annotated)}), and short_side "
                "would make the picture smaller than they say; leave it out of LoadImage"
            )
        try:
            image = self._load(results["img_path"], results.pop("img_bytes", None))
        except BrokenImageError:
            if self.ignore_empty:
                return None
            raise
        results["img"] = image.astype(np.float32) if self.to_float32 else image
        results["img_shape"] = image.shape[:2]
        results["ori_shape"] = image.shape[:2]
        return results

    def _load(self, path: str, content: bytes | None) -> np.ndarray:
        try:
            if content is None:
                content = fileio.get(path, backend_args=self.backend_args)
        except (FileNotFoundError, IsADirectoryError) as error:
            raise missing_image(path) from error
        return decode_image(content, path, self.color_type, short_side=self.short_side)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(to_float32={self.to_float32}, "
            f"color_type={self.color_type!r}, ignore_empty={self.ignore_empty}, "
            f"backend_args={self.backend_args}, short_side={self.short_side})"
        )
