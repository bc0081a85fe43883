"""Large data sets that upstream reads in the published layout: checked and linked, not copied.

:data:`PUBLISHED_FOLDERS` lists the required parts, with the counts of the publishers. A folder may
contain more, such as test images without labels.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmdense.data.sets.source import find_root

__all__ = ["PUBLISHED_FOLDERS", "Part", "PublishedFolder", "link_published", "missing_parts"]


@dataclass(frozen=True)
class Part:
    """A required file or folder of a data set.

    Attributes:
        paths: Possible paths in the data set's folder; the first existing one is used.
        published_as: The published file that contains the part.
        count: Minimum number of files with ``suffix`` in a folder and its subfolders, or of lines
            in a text file; None requires only that the path exists.
        suffix: Suffix of the counted files.
    """

    paths: tuple[str, ...]
    published_as: str
    count: int | None = None
    suffix: str = ""

    def fault(self, folder: Path) -> str | None:
        """Return the problem of this part in ``folder``; None if it is complete."""
        found = next((folder / path for path in self.paths if (folder / path).exists()), None)
        if found is None:
            return f"{' or '.join(self.paths)} is missing ({self.published_as})"
        if self.count is None or (number := _count(found, self.suffix)) >= self.count:
            return None
        what = f"{self.suffix} files" if found.is_dir() else "lines"
        name = found.relative_to(folder).as_posix()
        return f"{name} has {number:,} of {self.count:,} {what} ({self.published_as})"


@dataclass(frozen=True)
class PublishedFolder:
    """A data set in the folder layout of its publisher.

    Attributes:
        home: Name and web address of the published data.
        marker: A file or folder that locates the data set's folder.
        parts: The required parts.
    """

    home: str
    marker: str
    parts: tuple[Part, ...]


def missing_parts(name: str, folder: Path) -> list[str]:
    """Return path, count and published file of each missing or incomplete part of a data set."""
    faults = (part.fault(folder) for part in PUBLISHED_FOLDERS[name].parts)
    return [fault for fault in faults if fault is not None]


def link_published(name: str, target: Path, source: Callable[[], Path]) -> Path:
    """Link ``target`` to a complete published folder; only check it if it exists already.

    ``source`` returns the published folder, or a folder at most three levels above it. It is called
    only if ``target`` does not exist.

    Raises:
        FileNotFoundError: The folder is incomplete; the message lists every missing part.
        FileExistsError: ``target`` exists and is incomplete.
        ValueError: The source is a file.
    """
    spec = PUBLISHED_FOLDERS[name]
    done = target.exists()
    path = target if done else source()
    if not path.is_dir():
        raise ValueError(
            f"{path} is a file, but {name} needs the unpacked folder. Pass the folder."
        )
    folder = target if done else find_root(path, spec.marker) or path
    if faults := missing_parts(name, folder):
        listing = "".join(f"\n  {fault}" for fault in faults)
        raise (FileExistsError if done else FileNotFoundError)(
            f"{folder} is not a complete {name}:{listing}\nGet the missing parts from {spec.home}."
        )
    if not done:
        target.parent.mkdir(parents=True, exist_ok=True)
        link = target.with_name(f".{name}-{uuid.uuid4().hex[:8]}")
        link.symlink_to(folder.resolve(), target_is_directory=True)
        link.replace(target)
    return target


def _count(path: Path, suffix: str) -> int:
    """Return the number of lines of a text file, or of visible files in a folder and subfolders."""
    if path.is_file():
        return sum(1 for line in path.read_text().splitlines() if line.strip())
    files = (path.glob(f"{depth}[!.]*{suffix}") for depth in ("", "*/"))
    return sum(1 for found in files for _ in found)


_IMAGENET_CLASSES = "sort the images into class folders, or list their names and labels"
_VOC07_TRAINVAL, _VOC07_TEST = "VOCtrainval_06-Nov-2007.tar", "VOCtest_06-Nov-2007.tar"
_VOC07, _VOC12 = f"{_VOC07_TRAINVAL} and {_VOC07_TEST}", "VOCtrainval_11-May-2012.tar"
PUBLISHED_FOLDERS: dict[str, PublishedFolder] = {
    "ade20k": PublishedFolder(
        home="ADEChallengeData2016.zip (sceneparsing.csail.mit.edu)",
        marker="images/training",
        parts=(
            Part(("images/training",), "ADEChallengeData2016.zip", 20_210, ".jpg"),
            Part(("images/validation",), "ADEChallengeData2016.zip", 2_000, ".jpg"),
            Part(("annotations/training",), "ADEChallengeData2016.zip", 20_210, ".png"),
            Part(("annotations/validation",), "ADEChallengeData2016.zip", 2_000, ".png"),
        ),
    ),
    "coco": PublishedFolder(
        home="COCO 2017 (cocodataset.org/#download), its archives unpacked side by side",
        marker="train2017",
        parts=(
            Part(("train2017",), "train2017.zip", 118_287, ".jpg"),
            Part(("val2017",), "val2017.zip", 5_000, ".jpg"),
            Part(("annotations/instances_train2017.json",), "annotations_trainval2017.zip"),
            Part(("annotations/instances_val2017.json",), "annotations_trainval2017.zip"),
        ),
    ),
    "imagenet": PublishedFolder(
        home="ILSVRC 2012, classification (image-net.org/download, after registration)",
        marker="train/n01440764",
        parts=(
            Part(("train",), "ILSVRC2012_img_train.tar", 1_281_167, ".JPEG"),
            Part(("val",), "ILSVRC2012_img_val.tar", 50_000, ".JPEG"),
            # The val archive is flat: users sort the images into folders, or write a list.
            Part(("train/n01440764", "meta/train.txt"), _IMAGENET_CLASSES),
            Part(("val/n01440764", "meta/val.txt"), _IMAGENET_CLASSES),
        ),
    ),
    "voc": PublishedFolder(
        home="VOCdevkit of 2007 and 2012 (host.robots.ox.ac.uk/pascal/VOC)",
        marker="VOC2007/JPEGImages",
        parts=(
            # 5,011 of trainval and 4,952 of test
            Part(("VOC2007/JPEGImages",), _VOC07, 9_963, ".jpg"),
            Part(("VOC2007/Annotations",), _VOC07, 9_963, ".xml"),
            Part(("VOC2007/ImageSets/Main/trainval.txt",), _VOC07_TRAINVAL, 5_011),
            Part(("VOC2007/ImageSets/Main/test.txt",), _VOC07_TEST, 4_952),
            Part(("VOC2012/JPEGImages",), _VOC12, 17_125, ".jpg"),
            Part(("VOC2012/Annotations",), _VOC12, 17_125, ".xml"),
            Part(("VOC2012/ImageSets/Main/trainval.txt",), _VOC12, 11_540),
        ),
    ),
}
