"""Checks of the image sizes in a COCO file, and of the headers of the image files.

When mmcv loads an image, it rotates or flips it by the EXIF orientation, but does not transform the
boxes. So boxes, width and height must refer to the rotated image. COCO has no field for this, and
annotation tools differ. For a rotation by 90 degrees, the size in the entry decides: if it is the
stored size, the boxes refer to the stored image, and the loader must ignore the orientation
(``color_type='color_ignore_orientation'``). A flip or a rotation by 180 degrees does not change the
size, so it becomes a note.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from mmdense.data.checks.coco_entries import CocoEntry
from mmdense.data.checks.problems import DataProblems

__all__ = ["check_files", "size_of"]

_ORIENTATION = 0x0112  # EXIF tag; 2 to 4 keep the size, 5 to 8 swap width and height
_TURNED = {"JPEG", "MPO", "PNG"}  # OpenCV rotates these; Pillow reports the rotated size of a TIFF
_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}


def size_of(image: CocoEntry) -> tuple[int, int] | None:
    """Return width and height in pixels; if one is invalid, add a problem and return None."""
    size = []
    for field in ("width", "height"):
        value: Any = image.fields.get(field)
        if type(value) in (int, float) and 0 < value < float("inf") and value == int(value):
            size.append(int(value))
        elif field in image.fields:
            image.error(field, "write the image size in pixels")
    return (size[0], size[1]) if len(size) == 2 else None


def check_files(
    images: list[tuple[CocoEntry, tuple[int, int] | None]],
    folder: Path,
    found: DataProblems,
    *,
    turned_by_exif: bool,
) -> None:
    """Compare entries, given with their sizes, with the files in ``folder`` and their headers."""
    listed = set()
    for image, size in images:
        name = image.fields.get("file_name")
        if isinstance(name, str) and name:
            listed.add(name)
            if (folder / name).is_file():
                _check_header(image, size, folder / name, turned_by_exif=turned_by_exif)
            else:
                advice = "add the file, correct data_prefix, or remove the entry"
                image.error("file_name", advice, f"no such file {folder / name}")
        elif "file_name" in image.fields:
            image.error("file_name", "write the path relative to the image folder")
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.suffix.lower() in _SUFFIXES and path.relative_to(folder).as_posix() not in listed:
            advice = "the file is not used; add an entry to use it"
            found.note("", "images", f"no entry for the file {path}", advice)


def _check_header(
    image: CocoEntry, size: tuple[int, int] | None, path: Path, *, turned_by_exif: bool
) -> None:
    try:
        with Image.open(path) as header:
            stored, kind = header.size, header.format
            orientation = header.getexif().get(_ORIENTATION, 1)
    except (UnidentifiedImageError, OSError) as error:
        advice = "copy the file again from its source, or remove the entry"
        image.error("file_name", advice, f"{path} is not an image ({error})")
        return
    if size is None:
        return
    turns = turned_by_exif and kind in _TURNED and orientation in range(2, 9)
    quarter = kind in _TURNED and orientation in range(5, 9)
    loaded = stored[::-1] if turns and quarter else stored
    field, listed = "width, height", f"{size[0]}x{size[1]}"
    if size == loaded:
        if turns and (not quarter or loaded[0] == loaded[1]):
            problem = f"{path} has EXIF orientation {orientation}, which the loader applies"
            advice = "make sure that boxes and masks refer to the rotated or flipped image"
            image.note("file_name", advice, problem)
    elif quarter and size == loaded[::-1]:
        kept = "'color_ignore_orientation'" if turned_by_exif else "'color'"
        problem = f"{listed}, but {path} (EXIF orientation {orientation}) is loaded as "
        problem += f"{loaded[0]}x{loaded[1]}"
        advice = "boxes refer to the other orientation: in the loader, set color_type=" + kept
        image.error(field, advice, problem)
    else:
        problem = f"{listed}, but {path} is {loaded[0]}x{loaded[1]}"
        image.error(field, "correct the entry, or use the annotated image", problem)
