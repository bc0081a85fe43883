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

import io
import json
import logging
import xml.etree.ElementTree as ET
from pathlib import Path

from PIL import Image

from mmdense.data.sets.archive import DatasetSource, FileTree, SourceFormat

__all__ = ["CLASSES", "SOURCE", "count_images", "from_coco", "from_voc"]

CLASSES = ("RBC", "WBC", "Platelets")
SPLITS = ("train", "val", "test")
EDGES = ("xmin", "ymin", "xmax", "ymax")

logger = logging.getLogger(__name__)


def count_images(folder: Path) -> dict[str, int]:
    """Return the number of images in each split of the canonical layout."""
    return {split: len(list((folder / "images" / split).glob("*.jpg"))) for split in SPLITS}


def from_coco(tree: FileTree, prefix: str, target: Path) -> dict[str, object]:
    """Copy a source that has the canonical layout."""
    boxes = {}
    for split in SPLITS:
        name = f"{prefix}annotations/{split}.json"
        coco = json.loads(tree.read(name))
        classes = tuple(category["name"] for category in coco["categories"])
        if classes != CLASSES:
            raise ValueError(f"{tree.path}: {name} has the categories {classes}, not {CLASSES}")
        for image in coco["images"]:
            file = image["file_name"]
            if Path(file).name != file:
                raise ValueError(f"{tree.path}: {name} lists {file!r}, which leaves its folder")
            _write(target, split, file, tree.read(f"{prefix}images/{split}/{file}"))
        _write_json(target, split, coco)
        boxes[split] = len(coco["annotations"])
    return {"boxes": boxes}


def from_voc(tree: FileTree, prefix: str, target: Path) -> dict[str, object]:
    """Convert the published Pascal VOC files to the canonical layout."""
    boxes, dropped, clipped = {}, 0, 0
    for split in SPLITS:
        images: list[dict] = []
        annotations: list[dict] = []
        for stem in tree.read(f"{prefix}ImageSets/Main/{split}.txt").decode().split():
            content = tree.read(f"{prefix}JPEGImages/{stem}.jpg")
            width, height = Image.open(io.BytesIO(content)).size
            _write(target, split, f"{stem}.jpg", content)
            images.append(
                dict(id=len(images) + 1, file_name=f"{stem}.jpg", width=width, height=height)
            )
            name = f"{prefix}Annotations/{stem}.xml"
            for category, corners in _voc_objects(tree, name):
                x1, y1, x2, y2 = _clip(corners, width, height)
                clipped += (x1, y1, x2, y2) != corners
                if x2 <= x1 or y2 <= y1:
                    dropped += 1
                    continue
                annotations.append(
                    dict(
                        id=len(annotations) + 1,
                        image_id=len(images),
                        category_id=category,
                        bbox=[x1, y1, x2 - x1, y2 - y1],
                        area=(x2 - x1) * (y2 - y1),
                        iscrowd=0,
                    )
                )
        categories = [dict(id=i, name=name) for i, name in enumerate(CLASSES, start=1)]
        _write_json(
            target, split, dict(images=images, annotations=annotations, categories=categories)
        )
        boxes[split] = len(annotations)
    logger.info("BCCD: dropped %d empty boxes, clipped %d boxes to the image", dropped, clipped)
    return {"boxes": boxes, "boxes_dropped": dropped, "boxes_clipped": clipped}


def _voc_objects(tree: FileTree, name: str) -> list[tuple[int, tuple[int, int, int, int]]]:
    """Return the category id and corners ``x1 y1 x2 y2`` (pixels) of each object in a VOC file."""
    try:
        objects = []
        for item in ET.fromstring(tree.read(name)).iter("object"):
            category = CLASSES.index(item.findtext("name", "").strip()) + 1
            x1, y1, x2, y2 = (
                int(item.findtext(f"bndbox/{edge}", ""))
                for edge in ("xmin", "ymin", "xmax", "ymax")
            )
            objects.append((category, (x1, y1, x2, y2)))
    except (ET.ParseError, ValueError) as error:
        raise ValueError(f"{tree.path}: {name} is not a BCCD annotation: {error}") from error
    return objects


def _clip(corners: tuple[int, int, int, int], width: int, height: int) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = corners
    return max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)


def _write(target: Path, split: str, file: str, content: bytes) -> None:
    path = target / "images" / split / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write_json(target: Path, split: str, coco: dict) -> None:
    path = target / "annotations" / f"{split}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(coco))


SOURCE = DatasetSource(
    home="bccd_coco.zip, or BCCD_Dataset (github.com/Shenggan/BCCD_Dataset) as ZIP or clone",
    counts={"train": 205, "val": 87, "test": 72},
    count=count_images,
    formats=(
        SourceFormat(
            "COCO layout", ("bccd_coco.zip",), "images/train/BloodImage_00001.jpg", from_coco
        ),
        SourceFormat(
            "publisher's Pascal VOC",
            ("BCCD_Dataset-master.zip", "BCCD_Dataset.zip"),
            "JPEGImages/BloodImage_00001.jpg",
            from_voc,
        ),
    ),
)
