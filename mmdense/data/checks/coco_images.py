"""Checks of the image sizes in a COCO file, and of the headers of the image files.

When mmcv loads an image, it rotates or flips it by the EXIF orientation, but does not transform the
boxes. So boxes, width and height must refer to the rotated image. COCO has no field for this, and
annotation tools differ. For a rotation by 90 degrees, the size in the entry decides: if it is the
stored size, the boxes refer to the stored image, and the loader must ignore the orientation
(``color_type='color_ignore_orientation'``). A flip or a rotation by 180 degrees does not change the
size, so it becomes a note.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from mmdense.data.checks.coco_table import CocoTable, is_key, numbers

__all__ = ["ImageSizes", "check_files", "image_sizes"]

_ORIENTATION = 0x0112  # EXIF tag; 2 to 4 keep the size, 5 to 8 swap width and height
_TURNED = {"JPEG", "MPO", "PNG"}  # OpenCV rotates these; Pillow reports the rotated size of a TIFF
_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}


@dataclass(frozen=True)
class ImageSizes:
    """The sizes of K images.

    Attributes:
        rows: Row of each image in ``sizes``, by image id.
        sizes: Width and height in pixels, ``[K + 1, 2]``; NaN for entries without a size and in the
            last row.
    """

    rows: dict[Any, int]
    sizes: np.ndarray

    def rows_of(self, image_ids: np.ndarray) -> np.ndarray:
        """Return the row of each image id, int64 [N]; -1 for an unknown id."""
        found = (
            self.rows.get(value, -1) if valid else -1
            for value, valid in zip(image_ids, is_key(image_ids), strict=True)
        )
        return np.fromiter(found, np.int64, len(image_ids))


def image_sizes(images: CocoTable) -> ImageSizes:
    """Return the size of each image, and add a problem for each invalid size."""
    sizes = np.full((len(images) + 1, 2), np.nan)
    for axis, field in enumerate(("width", "height")):
        value = numbers(images.column(field))
        valid = (value > 0) & (value < np.inf) & (value == np.floor(value))
        sizes[:-1, axis][valid] = value[valid]
        advice = "write the image size in pixels"
        images.error(images.has(field) & ~valid, field, advice)
    ids = images.column("id")
    rows: dict[Any, int] = {}
    for index in np.flatnonzero(is_key(ids)).tolist():
        rows.setdefault(ids[index], index)
    return ImageSizes(rows, sizes)


def check_files(
    images: CocoTable, sizes: ImageSizes, folder: Path, *, turned_by_exif: bool
) -> None:
    """Compare the entries with the files in ``folder`` and their headers."""
    names = images.column("file_name")
    named = np.array([isinstance(name, str) and name != "" for name in names], dtype=bool)
    advice = "write the path relative to the image folder"
    images.error(images.has("file_name") & ~named, "file_name", advice)
    there = named.copy()
    there[named] = [(folder / name).is_file() for name in names[named]]
    images.error(
        named & ~there,
        "file_name",
        "add the file, correct data_prefix, or remove the entry",
        lambda index: f"no such file {folder / names[index]}",
    )
    for index in np.flatnonzero(there).tolist():
        path = folder / names[index]
        _check_header(images, index, sizes.sizes[index], path, turned_by_exif=turned_by_exif)
    listed = set(names[named])
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.suffix.lower() in _SUFFIXES and path.relative_to(folder).as_posix() not in listed:
            advice = "the file is not used; add an entry to use it"
            images.found.note("", "images", f"no entry for the file {path}", advice)


def _check_header(
    images: CocoTable, index: int, size: np.ndarray, path: Path, *, turned_by_exif: bool
) -> None:
    found, where = images.found, images.where(index)
    try:
        with Image.open(path) as image:
            stored, kind = image.size, image.format
            orientation = image.getexif().get(_ORIENTATION, 1)
    except (UnidentifiedImageError, OSError) as error:
        advice = "copy the file again from its source, or remove the entry"
        found.error(where, "file_name", f"{path} is not an image ({error})", advice)
        return
    if np.isnan(size).any():
        return
    turns = turned_by_exif and kind in _TURNED and orientation in range(2, 9)
    quarter = kind in _TURNED and orientation in range(5, 9)
    loaded = stored[::-1] if turns and quarter else stored
    written = (int(size[0]), int(size[1]))
    field, listed = "width, height", f"{written[0]}x{written[1]}"
    if written == loaded:
        if turns and (not quarter or loaded[0] == loaded[1]):
            problem = f"{path} has EXIF orientation {orientation}, which the loader applies"
            advice = "make sure that boxes and masks refer to the rotated or flipped image"
            found.note(where, "file_name", problem, advice)
    elif quarter and written == loaded[::-1]:
        kept = "'color_ignore_orientation'" if turned_by_exif else "'color'"
        problem = f"{listed}, but {path} (EXIF orientation {orientation}) is loaded as "
        problem += f"{loaded[0]}x{loaded[1]}"
        advice = "boxes refer to the other orientation: in the loader, set color_type=" + kept
        found.error(where, field, problem, advice)
    else:
        problem = f"{listed}, but {path} is {loaded[0]}x{loaded[1]}"
        found.error(where, field, problem, "correct the entry, or use the annotated image")
