"""Tiny-ImageNet (Stanford CS231n): JPEG images of 64x64, 200 classes of ImageNet.

Canonical layout for MMPretrain's ``CustomDataset``; labels follow the sorted folders::

    tiny_imagenet/train/<wnid>/*.JPEG    500 per class
    tiny_imagenet/val/<wnid>/*.JPEG      50 per class
    tiny_imagenet/test/*.JPEG            without labels
    tiny_imagenet/classes.txt            one line "<wnid><TAB><words>" per class, by label

Supported format: the published folder, packed or not, with ``train/<wnid>/images``, ``val/images``
and ``val_annotations.txt``, ``test/images``, ``wnids.txt`` and ``words.txt``. Boxes are ignored.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from mmdense.data.sets.source import DatasetSource, SourceFormat

__all__ = ["SOURCE", "from_publisher"]

JPEG = b"\xff\xd8"  # first bytes of every JPEG


def from_publisher(root: Path, target: Path) -> dict[str, object]:
    """Copy the published images to one folder per class."""
    wnids = sorted((root / "wnids.txt").read_text().split())
    lines = (line.partition("\t") for line in (root / "words.txt").read_text().splitlines())
    words = {wnid: text for wnid, _, text in lines if text}
    if unnamed := [wnid for wnid in wnids if wnid not in words]:
        raise ValueError(f"{root / 'words.txt'} has no {', '.join(unnamed)}")
    for wnid in wnids:
        for path in (root / "train" / wnid / "images").glob("[!.]*.JPEG"):
            _copy(path, target / "train" / wnid)
    annotations = root / "val" / "val_annotations.txt"
    for number, line in enumerate(annotations.read_text().splitlines(), start=1):
        file, *fields = line.split("\t")  # the image, its class and a box
        if not fields or Path(file).name != file:
            raise ValueError(f"line {number} of {annotations} has no image name and class")
        if fields[0] not in wnids:
            raise ValueError(
                f"{annotations} gives {file} the class {fields[0]!r}, which is not in wnids.txt"
            )
        _copy(root / "val" / "images" / file, target / "val" / fields[0])
    for path in (root / "test" / "images").glob("[!.]*.JPEG"):
        _copy(path, target / "test")
    (target / "classes.txt").write_text("".join(f"{wnid}\t{words[wnid]}\n" for wnid in wnids))
    return {"classes": len(wnids)}


def _copy(path: Path, folder: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(JPEG)) != JPEG:
            raise ValueError(f"{path} is not a JPEG. Download the data set again.")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, folder / path.name)


SOURCE = DatasetSource(
    home="tiny-imagenet-200.zip (cs231n.stanford.edu/tiny-imagenet-200.zip)",
    counts={"train": 100_000, "val": 10_000, "test": 10_000},
    patterns={"train": ("train/*/*.JPEG",), "val": ("val/*/*.JPEG",), "test": ("test/*.JPEG",)},
    formats=(
        SourceFormat(
            "publisher's folder",
            # From Avalanche (benchmarks/datasets/tiny_imagenet); the publisher lists none.
            {"tiny-imagenet-200.zip": "90528d7ca1a48142e341f4ef8d21d0de"},
            "val/val_annotations.txt",
            from_publisher,
        ),
    ),
)
