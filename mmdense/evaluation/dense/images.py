"""Images of a data set with label maps, boxes, or neither, read one by one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from mmdense.config.usage_error import UsageError
from mmdense.data.read_image import read_image
from mmdense.data.sets import camvid
from mmdense.data.sets.source import read_photo
from mmdense.evaluation.dense.patch_labels import VOID

__all__ = ["DenseData", "DenseImages", "open_data"]

_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
_TEST = ("val", "validation", "test")


@dataclass(frozen=True)
class DenseImages:
    """The images of one split, in the order of their names.

    Attributes:
        paths: Image files.
        maps: File of the label map of each image: 8-bit classes, 255 for void. Empty if none.
        boxes: Boxes of each image, x1, y1, x2, y2 in pixels of the file, [G, 4]. Empty if none.
    """

    paths: Sequence[Path]
    maps: Sequence[Path] = ()
    boxes: Sequence[Tensor] = ()

    def __len__(self) -> int:
        return len(self.paths)

    def subset(self, indices: Sequence[int]) -> "DenseImages":
        """Return these images, with their label maps and boxes."""
        return DenseImages(
            [self.paths[index] for index in indices],
            [self.maps[index] for index in indices] if self.maps else (),
            [self.boxes[index] for index in indices] if self.boxes else (),
        )

    def get_data_info(self, index: int) -> dict[str, Any]:
        """Return paths and boxes of an image, as OpenMMLab does, for a checksum of the data."""
        info: dict[str, Any] = {"img_path": str(self.paths[index])}
        if self.maps:
            info["seg_map_path"] = str(self.maps[index])
        if self.boxes:
            info["boxes"] = self.boxes[index].tolist()
        return info

    def image(self, index: int) -> np.ndarray:
        """Return an image as in the file, BGR, uint8, [h, w, 3]."""
        return read_image(self.paths[index])

    def square(self, index: int, size: int) -> Tensor:
        """Return an image resized to a square, BGR, uint8, [3, size, size]."""
        image = self.image(index)
        shrinks = max(image.shape[:2]) > size
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return torch.from_numpy(cv2.resize(image, (size, size), interpolation=method)).permute(
            2, 0, 1
        )

    def label_map(self, index: int) -> Tensor:
        """Return the label map of an image, uint8, [h, w]."""
        labels = np.array(read_photo(self.maps[index]))  # of a palette image, the indices
        if labels.ndim != 2 or labels.dtype != np.uint8:
            raise ValueError(
                f"{self.maps[index]} has {labels.dtype} of shape {labels.shape}; a label map has "
                "one 8-bit channel with the class of each pixel"
            )
        return torch.from_numpy(labels)

    def square_map(self, index: int, size: int) -> Tensor:
        """Return a label map resized by the nearest pixel, uint8, [size, size]."""
        labels = self.label_map(index).numpy()
        # INTER_NEAREST_EXACT takes the pixel at the centre, as PIL and torchvision do.
        return torch.from_numpy(
            cv2.resize(labels, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
        )


@dataclass(frozen=True)
class DenseData:
    """A data set. Without splits, ``train`` and ``test`` are the same images.

    Attributes:
        name: Name of the data set or folder.
        train: Training images.
        test: Test images.
        classes: Names of the classes of the label maps; empty if there are none.
        videos: Frames of each video, with label maps of its objects.
    """

    name: str
    train: DenseImages
    test: DenseImages
    classes: Sequence[str] = ()
    videos: Sequence[DenseImages] = ()


def open_data(name: str, root: str | Path = "data") -> DenseData:
    """Return a prepared data set by its name, or a folder.

    Args:
        name: ``camvid`` or ``bccd``, prepared in ``root`` by ``mmdense prepare_data``, with the
            validation images as test images; or a folder. A folder with ``images/train``,
            ``images/val`` and ``annotations/train``, ``annotations/val`` has label maps: PNG files
            with the names of the images. A folder with ``JPEGImages`` and ``Annotations`` has
            videos in the format of DAVIS. All images of any other folder are used without labels.
        root: Folder of the prepared data sets.

    Raises:
        UsageError: The folder, images or maps are missing.
    """
    folder = Path(root) / name if name in ("camvid", "bccd") else Path(name)
    if not folder.is_dir():
        advice = (
            f"run `mmdense prepare_data {name} --source FOLDER`"
            if name != str(folder)
            else ("give camvid, bccd or a folder of images")
        )
        raise UsageError(f"--data {name}: no such folder {folder}; {advice}")
    if name == "bccd":
        return DenseData(name, _boxed(folder, "train"), _boxed(folder, "val"))
    if (folder / "JPEGImages").is_dir() and (folder / "Annotations").is_dir():
        videos = _videos(folder)
        frames = DenseImages([path for video in videos for path in video.paths])
        return DenseData(folder.name, frames, frames, videos=videos)
    if (folder / "annotations" / "train").is_dir():
        test = next((one for one in _TEST if (folder / "annotations" / one).is_dir()), _TEST[0])
        train, tested = (_mapped(folder, split) for split in ("train", test))
        classes = camvid.CLASSES if name == "camvid" else _numbered(train)
        return DenseData(folder.name, train, tested, classes)
    images = DenseImages(_images(folder))
    return DenseData(folder.name, images, images)


def _images(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not found:
        raise UsageError(f"{folder} has no images ({', '.join(sorted(_SUFFIXES))})")
    return found


def _videos(folder: Path) -> list[DenseImages]:
    """Videos in ``JPEGImages/<resolution>/<video>``: those of ``ImageSets/2017/val.txt``, or all.

    The resolution is 480p if there are several.
    """
    sizes = sorted(path.name for path in (folder / "JPEGImages").iterdir() if path.is_dir())
    if not sizes or (len(sizes) > 1 and "480p" not in sizes):
        raise UsageError(
            f"{folder / 'JPEGImages'} has the folders {sizes}; it must have one resolution, or 480p"
        )
    size = sizes[0] if len(sizes) == 1 else "480p"
    listed = folder / "ImageSets" / "2017" / "val.txt"
    if listed.is_file():
        names = listed.read_text().split()
    else:
        names = sorted(path.name for path in (folder / "JPEGImages" / size).iterdir())
    videos = []
    for name in names:
        frames = _images(folder / "JPEGImages" / size / name)
        maps = [folder / "Annotations" / size / name / f"{path.stem}.png" for path in frames]
        videos.append(_with_maps(frames, maps))
    if not videos:
        raise UsageError(f"{folder / 'JPEGImages' / size} has no videos")
    return videos


def _mapped(folder: Path, split: str) -> DenseImages:
    images = _images(folder / "images" / split)
    return _with_maps(
        images, [folder / "annotations" / split / f"{path.stem}.png" for path in images]
    )


def _with_maps(images: list[Path], maps: list[Path]) -> DenseImages:
    if missing := [path for path in maps if not path.is_file()]:
        raise UsageError(f"{len(missing)} images have no label map, the first is {missing[0]}")
    return DenseImages(images, maps=maps)


def _numbered(images: DenseImages) -> list[str]:
    """Names of the classes 0 to the highest one in the training maps."""
    highest = -1
    for index in range(len(images)):
        labels = images.label_map(index)
        highest = max(highest, int(labels.where(labels != VOID, 0).max()))
    return [str(number) for number in range(highest + 1)]


def _boxed(folder: Path, split: str) -> DenseImages:
    coco = json.loads((folder / "annotations" / f"{split}.json").read_text())
    boxes: dict[int, list[list[float]]] = {image["id"]: [] for image in coco["images"]}
    for one in coco["annotations"]:
        x, y, width, height = one["bbox"]
        boxes[one["image_id"]].append([x, y, x + width, y + height])
    images = sorted(coco["images"], key=lambda image: image["file_name"])
    return DenseImages(
        [folder / "images" / split / image["file_name"] for image in images],
        boxes=[
            torch.tensor(boxes[image["id"]], dtype=torch.float).reshape(-1, 4) for image in images
        ],
    )
