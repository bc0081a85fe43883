"""Data sets of dense evaluation: prepared ones by name, and folders in known formats."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import torch

from mmdense.config.usage_error import UsageError
from mmdense.data.load_json import load_json
from mmdense.data.sets import camvid
from mmdense.evaluation.dense.images import DenseData, DenseImages
from mmdense.evaluation.dense.patch_labels import VOID

__all__ = ["open_data"]

_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
_PREPARED = {"camvid": "camvid", "bccd": "bccd", "coco": "coco", "voc": "voc/VOC2007"}
_TEST = ("val", "validation", "test")
# Annotations and images of a split of COCO: of mmdense prepare_data, and as published.
_COCO = (
    ("annotations/{}.json", "images/{}"),
    ("annotations/instances_{}2017.json", "{}2017"),
)
_VOC_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def open_data(name: str, root: str | Path = "data") -> DenseData:
    """Return a prepared data set by its name, or a folder.

    =====================================================  =========================================
    Folder                                                 Has
    =====================================================  =========================================
    ``images/train``, ``annotations/train``, both ``val``  label maps: PNGs with the image names
    ``images/train``, ``annotations/train.json``, ...      boxes, as COCO
    ``train2017``, ``annotations/instances_train2017.json``  boxes, as published by COCO
    ``ImageSets/Main``, ``Annotations``, ``JPEGImages``    boxes, as VOC
    ``JPEGImages``, ``Annotations``                        videos, as DAVIS
    any other                                              all images in it, without labels
    =====================================================  =========================================

    Args:
        name: ``camvid``, ``bccd``, ``coco`` or ``voc`` (2007), prepared in ``root`` by ``mmdense
            prepare_data``; or a folder. The validation images are the test images; for VOC, all of
            trainval, as in LOST.
        root: Folder of the prepared data sets.

    Raises:
        UsageError: The folder, images or annotations are missing, or cannot be read.
    """
    folder = Path(root) / _PREPARED[name] if name in _PREPARED else Path(name)
    if not folder.is_dir():
        advice = (
            f"run `mmdense prepare_data {name} --source FOLDER`"
            if name in _PREPARED
            else f"give {', '.join(_PREPARED)} or a folder of images"
        )
        raise UsageError(f"--data {name}: no such folder {folder}; {advice}")
    for file, place in _COCO:
        if (folder / file.format("val")).is_file():
            train, val = (
                _coco(folder / file.format(split), folder / place.format(split))
                for split in ("train", "val")
            )
            return DenseData(folder.name, train, val)
    if (folder / "ImageSets" / "Main").is_dir():
        images = _voc(folder, "trainval")
        return DenseData(folder.name, images, images)
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


def _coco(file: Path, folder: Path) -> DenseImages:
    """Images of a COCO file, without the boxes of crowds."""
    coco = load_json(file)
    try:
        boxes: dict[int, list[list[float]]] = {image["id"]: [] for image in coco["images"]}
        images = sorted(coco["images"], key=lambda image: image["file_name"])
        for one in coco["annotations"]:
            if not one.get("iscrowd"):
                x, y, width, height = one["bbox"]
                boxes[one["image_id"]].append([x, y, x + width, y + height])
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{file} is not a COCO file of boxes ({type(error).__name__}: {error})"
        ) from error
    paths = [folder / image["file_name"] for image in images]
    return _boxed(paths, [boxes[image["id"]] for image in images])


def _voc(folder: Path, split: str) -> DenseImages:
    """Images of ``ImageSets/Main/<split>.txt`` with all boxes, also difficult ones."""
    listed = folder / "ImageSets" / "Main" / f"{split}.txt"
    if not listed.is_file():
        raise UsageError(f"no such list of images: {listed}")
    stems = sorted(listed.read_text().split())
    boxes = []
    for stem in stems:
        file = folder / "Annotations" / f"{stem}.xml"
        try:
            corners = [
                [float(one.findtext(f"bndbox/{key}", "")) for key in _VOC_CORNERS]
                for one in ET.fromstring(file.read_bytes()).iter("object")
            ]
        except (OSError, ET.ParseError, ValueError) as error:
            raise UsageError(f"{file} is not a VOC annotation: {error}") from error
        # VOC counts pixels from 1, and the last one is inside the box.
        boxes.append([[x1 - 1, y1 - 1, x2, y2] for x1, y1, x2, y2 in corners])
    return _boxed([folder / "JPEGImages" / f"{stem}.jpg" for stem in stems], boxes)


def _boxed(paths: Sequence[Path], boxes: Sequence[list[list[float]]]) -> DenseImages:
    if missing := [path for path in paths if not path.is_file()]:
        raise UsageError(f"{len(missing)} of {len(paths)} images are missing, first {missing[0]}")
    corners = [torch.tensor(one, dtype=torch.float).reshape(-1, 4) for one in boxes]
    return DenseImages(paths, boxes=corners)


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
