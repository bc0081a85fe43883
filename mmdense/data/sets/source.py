"""Descriptions of data sets and their published formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["DatasetSource", "SourceFormat", "find_root", "read_photo"]

# Maximum number of folders above a layout's marker: BCCD_Dataset-master/BCCD/ImageSets/...
MAX_DEPTH = 3


@dataclass(frozen=True)
class SourceFormat:
    """One published format of a data set.

    Attributes:
        title: The name of the format in messages.
        archives: Names of the published archives, tried in this order, with their published MD5.
        marker: A file or folder that only this format has, which locates the data.
        convert: Writes the canonical layout. It takes the folder of ``marker`` and the empty target
            folder. It returns further entries of ``prepared.json`` (dropped boxes, encoding). It
            raises ``ValueError`` or ``FileNotFoundError`` with the file name.
    """

    title: str
    archives: dict[str, str | None]
    marker: str
    convert: Callable[[Path, Path], dict[str, object]]


@dataclass(frozen=True)
class DatasetSource:
    """A data set that :func:`mmdense.data.sets.prepare.prepare` converts.

    Attributes:
        home: File names and web address of the publisher, for messages.
        counts: Number of images in each split of the complete set.
        patterns: The images of each split in the canonical layout: patterns of files, or one array
            ``.npy``. An image needs a file of each pattern.
        formats: The supported formats; the first match is used.
    """

    home: str
    counts: dict[str, int]
    patterns: dict[str, tuple[str, ...]]
    formats: tuple[SourceFormat, ...]

    def count(self, folder: Path) -> dict[str, int]:
        """Return the number of images in each split of a canonical folder."""
        return {
            split: min(_count(folder, pattern) for pattern in patterns)
            for split, patterns in self.patterns.items()
        }


def _count(folder: Path, pattern: str) -> int:
    found = list(folder.glob(pattern))
    if pattern.endswith(".npy"):
        return sum(len(np.load(path, mmap_mode="r")) for path in found)
    return len(found)


def find_root(path: Path, marker: str) -> Path | None:
    """Return the folder below ``path`` that contains a file or folder ``marker``, or None.

    It is the shallowest match, at most three levels down.
    """
    for depth in range(MAX_DEPTH + 1):
        for found in sorted(path.glob("*/" * depth + marker)):
            return found.parents[marker.count("/")]
    return None


def read_photo(path: Path) -> Image.Image:
    """Return a decoded image.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: It cannot be decoded.
    """
    try:
        image = Image.open(path)
        image.load()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f"{path} is not a readable image: {error}") from error
    return image
