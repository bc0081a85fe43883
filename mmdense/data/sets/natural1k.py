"""natural1k: 1,000 unlabelled images, one per ImageNet-1k class, with a short side of 256 pixels.

Canonical layout: ``natural1k/n<wnid>_<name>.jpg``. Supported format: a ZIP or folder of this
layout. Files may also end in ``.JPEG``; larger images are downscaled.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from PIL import Image

from mmdense.data.sets.source import DatasetSource, SourceFormat, read_photo

__all__ = ["SOURCE", "from_photos"]

SHORT_SIDE = 256
NAME = re.compile(r"n\d{8}_.+\.(jpg|JPEG)")


def from_photos(root: Path, target: Path) -> dict[str, object]:
    """Copy the images, and downscale those whose short side is above 256 pixels."""
    scaled = 0
    for path in sorted(path for path in root.iterdir() if NAME.fullmatch(path.name)):
        image, copy = read_photo(path), target / f"{path.stem}.jpg"
        ratio = SHORT_SIDE / min(image.size)
        if ratio < 1:
            size = (round(image.width * ratio), round(image.height * ratio))
            small = image.convert("RGB").resize(size, Image.Resampling.BICUBIC)
            small.save(copy, "JPEG", quality=90)
            scaled += 1
        else:
            shutil.copyfile(path, copy)
    return {"scaled": scaled}


SOURCE = DatasetSource(
    home="natural1k.zip (images n<wnid>_<name>.jpg) or imagenet-sample-images-master.zip "
    "(github.com/EliSchwartz/imagenet-sample-images)",
    counts={"unlabelled": 1000},
    patterns={"unlabelled": ("n*.jpg",)},
    formats=(
        SourceFormat("photos", {"natural1k.zip": None}, "n01440764_tench.jpg", from_photos),
        SourceFormat(
            "larger photos",
            {"imagenet-sample-images-master.zip": None},
            "n01440764_tench.JPEG",
            from_photos,
        ),
    ),
)
