"""BCCD: microscope images of blood cells, 364 images of 640x480, three classes, with boxes.

Canonical layout::

    bccd/annotations/{train,val,test}.json    COCO; categories 1 RBC, 2 WBC, 3 Platelets
    bccd/images/{train,val,test}/*.jpg

Supported formats: a ZIP of this layout, and the published Pascal VOC format
(Shenggan/BCCD_Dataset). A VOC box ``xmin ymin xmax ymax`` becomes ``[xmin, ymin, xmax - xmin,
ymax - ymin]``, since the files contain edges from 0 to the image size, not the 1-based pixels of
VOC. Empty boxes are dropped, and boxes that leave the image are clipped. The log and
``prepared.json`` show both counts.
"""

from __future__ import annotations

import json
import logging
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

from PIL import Image

from mmdense.data.sets.source import DatasetSource, SourceFormat

__all__ = ["CLASSES", "SOURCE", "from_coco", "from_voc"]

CLASSES = ("RBC", "WBC", "Platelets")
SPLITS = ("train", "val", "test")

logger = logging.getLogger(__name__)


def from_coco(root: Path, target: Path) -> dict[str, object]:
    """Copy a source that has the canonical layout."""
    boxes = {}
    for split in SPLITS:
        file = root / "annotations" / f"{split}.json"
        coco = json.loads(file.read_text())
        classes = tuple(category["name"] for category in coco["categories"])
        if classes != CLASSES:
            raise ValueError(f"{file} has the categories {classes}, not {CLASSES}")
        names = [image["file_name"] for image in coco["images"]]
        if outside := [name for name in names if Path(name).name != name]:
            raise ValueError(f"{file} lists {outside[0]!r}, which leaves its folder")
        _write(target, split, coco, [root / "images" / split / name for name in names])
        boxes[split] = len(coco["annotations"])
    return {"boxes": boxes}


def from_voc(root: Path, target: Path) -> dict[str, object]:
    """Convert the published Pascal VOC files to the canonical layout."""
    boxes, dropped, clipped = {}, 0, 0
    for split in SPLITS:
        images: list[dict] = []
        annotations: list[dict] = []
        stems = (root / "ImageSets" / "Main" / f"{split}.txt").read_text().split()
        paths = [root / "JPEGImages" / f"{stem}.jpg" for stem in stems]
        for number, path in enumerate(paths, start=1):
            with Image.open(path) as image:
                width, height = image.size
            images.append(dict(id=number, file_name=path.name, width=width, height=height))
            for category, corners in _voc_objects(root / "Annotations" / f"{path.stem}.xml"):
                x1, y1 = max(corners[0], 0), max(corners[1], 0)
                x2, y2 = min(corners[2], width), min(corners[3], height)
                clipped += [x1, y1, x2, y2] != corners
                if x2 <= x1 or y2 <= y1:
                    dropped += 1
                    continue
                annotations.append(
                    dict(
                        id=len(annotations) + 1,
                        image_id=number,
                        category_id=category,
                        bbox=[x1, y1, x2 - x1, y2 - y1],
                        area=(x2 - x1) * (y2 - y1),
                        iscrowd=0,
                    )
                )
        categories = [dict(id=i, name=name) for i, name in enumerate(CLASSES, start=1)]
        coco = dict(images=images, annotations=annotations, categories=categories)
        _write(target, split, coco, paths)
        boxes[split] = len(annotations)
    logger.info("BCCD: dropped %d empty boxes, clipped %d boxes to the image", dropped, clipped)
    return {"boxes": boxes, "boxes_dropped": dropped, "boxes_clipped": clipped}


def _voc_objects(file: Path) -> list[tuple[int, list[int]]]:
    """Return the category id and corners ``x1 y1 x2 y2`` (pixels) of each object in a VOC file."""
    try:
        return [
            (
                CLASSES.index(item.findtext("name", "").strip()) + 1,
                [int(item.findtext(f"bndbox/{k}", "")) for k in ("xmin", "ymin", "xmax", "ymax")],
            )
            for item in ET.fromstring(file.read_bytes()).iter("object")
        ]
    except (ET.ParseError, ValueError) as error:
        raise ValueError(f"{file} is not a BCCD annotation: {error}") from error


def _write(target: Path, split: str, coco: dict, images: list[Path]) -> None:
    (target / "images" / split).mkdir(parents=True)
    for path in images:
        shutil.copyfile(path, target / "images" / split / path.name)
    (target / "annotations").mkdir(exist_ok=True)
    (target / "annotations" / f"{split}.json").write_text(json.dumps(coco))


SOURCE = DatasetSource(
    home="bccd_coco.zip, or BCCD_Dataset (github.com/Shenggan/BCCD_Dataset) as ZIP or clone",
    counts={"train": 205, "val": 87, "test": 72},
    patterns={split: (f"images/{split}/*.jpg",) for split in SPLITS},
    formats=(
        SourceFormat(
            "COCO layout", {"bccd_coco.zip": None}, "images/train/BloodImage_00001.jpg", from_coco
        ),
        SourceFormat(
            "publisher's Pascal VOC",
            {"BCCD_Dataset-master.zip": None, "BCCD_Dataset.zip": None},
            "JPEGImages/BloodImage_00001.jpg",
            from_voc,
        ),
    ),
)
