"""natural1k: 1,000 unlabelled images, one per ImageNet-1k class, with a short side of 256 pixels.

Canonical layout: ``natural1k/n<wnid>_<name>.jpg``. Supported format: a ZIP or folder of this
layout. Files may also end in ``.JPEG``; larger images are downscaled.
"""

from __future__ import annotations

import io
import re
from pathlib import Path, PurePosixPath

from PIL import Image

from mmdense.data.sets.archive import DatasetSource, FileTree, SourceFormat

__all__ = ["SOURCE", "count_images", "from_photos"]

SHORT_SIDE = 256
NAME = re.compile(r"n\d{8}_.+\.(jpg|JPEG)")


def count_images(folder: Path) -> dict[str, int]:
    """Return the number of images in the canonical layout."""
    return {"unlabelled": len(list(folder.glob("n*.jpg")))}


def from_photos(tree: FileTree, prefix: str, target: Path) -> dict[str, object]:
    """Copy the images, and downscale those whose short side is above 256 pixels."""
    scaled = 0
    for name in tree.files(prefix):
        path = PurePosixPath(name)
        if not NAME.fullmatch(path.name):
            continue
        content = tree.read(name)
        try:
            image = Image.open(io.BytesIO(content))
        except OSError as error:
            raise ValueError(f"{tree.path}: {name} is not a readable image: {error}") from error
        ratio = SHORT_SIDE / min(image.size)
        if ratio < 1:
            size = (round(image.width * ratio), round(image.height * ratio))
            buffer = io.BytesIO()
            image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(
                buffer, "JPEG", quality=90
            )
            content = buffer.getvalue()
            scaled += 1
        (target / f"{path.stem}.jpg").write_bytes(content)
    return {"scaled": scaled}


SOURCE = DatasetSource(
    home="natural1k.zip (images n<wnid>_<name>.jpg) or imagenet-sample-images-master.zip "
    "(github.com/EliSchwartz/imagenet-sample-images)",
    counts={"unlabelled": 1000},
    count=count_images,
    formats=(
        SourceFormat("photos", ("natural1k.zip",), "n01440764_tench.jpg", from_photos),
        SourceFormat(
            "larger photos",
            ("imagenet-sample-images-master.zip",),
            "n01440764_tench.JPEG",
            from_photos,
        ),
    ),
)
