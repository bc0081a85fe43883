"""The images of a COCO file: their sizes, and the headers of their files.

**Whose frame a box is in.** COCO has no field for it. mmcv turns a picture with an EXIF orientation
when it loads it, and boxes are not turned with it, so they must be those of the turned picture; so
must the entry's width and height. Annotation tools differ: some show and export the turned
picture, some the stored one. The size in the entry tells which: where it is the stored size of a
picture that loading turns by a quarter, the boxes are of the stored frame, and the loader must
leave the picture as it is stored (``color_type='color_ignore_orientation'``). Half turns and
mirrorings do not show in the size; those are noted.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from mmdense.data.checks.coco_entries import KEY_TYPES, MISSING, Entries
from mmdense.data.checks.finding import Findings

__all__ = ["ImageSizes", "check_files", "image_sizes"]

_ORIENTATION = 0x0112  # EXIF tag; 2 to 4 keep the size, 5 to 8 swap width and height
_TURNED = {"JPEG", "MPO", "PNG"}  # what OpenCV turns; Pillow gives a TIFF's size as turned
_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}


@dataclass(frozen=True)
class ImageSizes:
    """What the annotations are compared with.

    Attributes:
        index: Place of each image in ``sizes``, by its id.
        sizes: Width and height ``[N, 2]`` in pixels; NaN where the entry has none.
    """

    index: dict[Hashable, int]
    sizes: np.ndarray


def image_sizes(images: Entries, found: Findings) -> ImageSizes:
    """Width and height of each entry; what is not a size is added to ``found``."""
    sizes = np.full((len(images) + 1, 2), np.nan)  # the last row serves index -1
    for axis, field in enumerate(("width", "height")):
        for index, value in enumerate(images.column(field)):
            if type(value) in (int, float) and 0 < value < np.inf and value == int(value):
                sizes[index, axis] = value
            elif value is not MISSING:
                advice = "write the size of the picture in pixels"
                found.error(images.where(index), field, f"is {value!r}", advice)
    ids = images.column("id")
    places: dict[Hashable, int] = {}
    for index, value in enumerate(ids):
        if type(value) in KEY_TYPES:
            places.setdefault(value, index)
    return ImageSizes(places, sizes)


def check_files(
    images: Entries, sizes: ImageSizes, folder: Path, found: Findings, *, turned_by_exif: bool
) -> None:
    """Compare the entries with the headers of the files in ``folder``, and the folder with them."""
    listed = set()
    for index, name in enumerate(images.column("file_name")):
        if not isinstance(name, str) or not name:
            if name is not MISSING:
                advice = "write the path below the folder of the images"
                found.error(images.where(index), "file_name", f"is {name!r}", advice)
            continue
        listed.add(name)
        if not (folder / name).is_file():
            problem = f"there is no file {folder / name}"
            advice = "bring the file, correct data_prefix, or take the entry out"
            found.error(images.where(index), "file_name", problem, advice)
            continue
        _check_header(
            images, index, sizes.sizes[index], folder / name, found, turned_by_exif=turned_by_exif
        )
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.suffix.lower() in _SUFFIXES and path.relative_to(folder).as_posix() not in listed:
            advice = "it is not used; add an entry if it should be"
            found.note("", "images", f"no entry for the file {path}", advice)


def _check_header(
    images: Entries,
    index: int,
    size: np.ndarray,
    path: Path,
    found: Findings,
    *,
    turned_by_exif: bool,
) -> None:
    where = images.where(index)
    try:
        with Image.open(path) as picture:
            stored, kind = picture.size, picture.format
            orientation = picture.getexif().get(_ORIENTATION, 1)
    except (UnidentifiedImageError, OSError) as error:
        advice = "copy the file again from its source, or take the entry out"
        found.error(where, "file_name", f"{path} is not a picture ({error})", advice)
        return
    if np.isnan(size).any():
        return
    turns = turned_by_exif and kind in _TURNED and orientation in range(2, 9)
    quarter = kind in _TURNED and orientation in range(5, 9)
    loaded = stored[::-1] if turns and quarter else stored
    written = (int(size[0]), int(size[1]))
    field, told = "width, height", f"{written[0]}x{written[1]}"
    if written == loaded:
        if turns and (not quarter or loaded[0] == loaded[1]):
            problem = f"{path} has EXIF orientation {orientation}, by which it is turned when read"
            advice = "make sure that boxes and masks are those of the turned picture"
            found.note(where, "file_name", problem, advice)
    elif quarter and written == loaded[::-1]:
        kept = "'color_ignore_orientation'" if turned_by_exif else "'color'"
        problem = f"{told}, but {path} (EXIF orientation {orientation}) is loaded as "
        problem += f"{loaded[0]}x{loaded[1]}"
        advice = "boxes are of the other frame: give the loader of the pipeline color_type=" + kept
        found.error(where, field, problem, advice)
    else:
        problem = f"{told}, but {path} is {loaded[0]}x{loaded[1]}"
        found.error(where, field, problem, "annotations must be those of this very picture")
