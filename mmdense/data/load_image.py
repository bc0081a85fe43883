"""The transform that reads an image; it replaces mmcv's ``LoadImageFromFile``."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio

from mmdense.data.read_image import COLOR_TYPES, BrokenImageError, decode_image, missing_image
from mmdense.registry import TRANSFORMS

__all__ = ["LoadImage"]


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Load ``img_path`` into ``img``, ``img_shape`` and ``ori_shape`` as mmcv's transform does.

    If a record has ``img_bytes`` (from :class:`~mmdense.data.shards.dataset.ShardDataset`), they
    are decoded instead.

    :mod:`mmdense.data.read_image` lists the decoding rules. A missing, truncated or damaged image
    raises an error with its name; :class:`~mmdense.data.checks.skip_broken.SkipBroken` replaces and
    counts such images.

    Keep ``LoadImageFromFile`` in test pipelines, since upstream's inferencers look for this name.

    Args:
        to_float32: Whether to convert the image to float32, 0 to 255.
        color_type: As for :func:`~mmdense.data.read_image.decode_image`.
        ignore_empty: Whether to return None for a broken image. Upstream's data sets then use a
            random other image without a message.
        backend_args: File backend, as for ``mmengine.fileio.get``.
        short_side: As for :func:`~mmdense.data.read_image.decode_image`. Only for images without
            annotations, since boxes and maps are not resized.

    Raises:
        ValueError: ``color_type`` is unknown, or ``short_side`` is set with ``unchanged`` or for a
            record with annotations.
        BrokenImageError: When loading: the image is missing or broken.
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
            raise ValueError(f"LoadImage: color_type={color_type!r} is not one of {COLOR_TYPES}")
        if short_side is not None and color_type == "unchanged":
            raise ValueError("LoadImage: remove short_side, or color_type='unchanged'")
        self.short_side = short_side
        self.to_float32 = to_float32
        self.color_type = color_type
        self.ignore_empty = ignore_empty
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict | None:
        """Return a record with the image added and ``img_bytes`` removed."""
        annotated = {"instances", "seg_map_path"} & results.keys()
        if self.short_side is not None and annotated:
            raise ValueError(
                f"{results['img_path']} has annotations ({sorted(annotated)}), which short_side "
                "does not resize. Remove short_side from LoadImage."
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
        if content is None:
            try:
                content = fileio.get(path, backend_args=self.backend_args)
            except (FileNotFoundError, IsADirectoryError) as error:
                raise missing_image(path) from error
        return decode_image(content, path, self.color_type, short_side=self.short_side)
