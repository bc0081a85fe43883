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

from pathlib import Path, PurePosixPath

from mmdense.data.sets.archive import DatasetSource, FileTree, SourceFormat

__all__ = ["SOURCE", "count_images", "from_publisher"]

JPEG = b"\xff\xd8"  # first bytes of every JPEG


def count_images(folder: Path) -> dict[str, int]:
    """Return the number of images in each split of the canonical layout."""
    return {
        "train": len(list((folder / "train").glob("*/*.JPEG"))),
        "val": len(list((folder / "val").glob("*/*.JPEG"))),
        "test": len(list((folder / "test").glob("*.JPEG"))),
    }


def from_publisher(tree: FileTree, prefix: str, target: Path) -> dict[str, object]:
    """Copy the published images to one folder per class."""
    wnids = sorted(tree.read(f"{prefix}wnids.txt").decode().split())
    words = _words(tree, f"{prefix}words.txt")
    unnamed = [wnid for wnid in wnids if wnid not in words]
    if unnamed:
        raise ValueError(f"{tree.path}: {prefix}words.txt has no {', '.join(unnamed)}")
    for wnid in wnids:
        for name in tree.files(f"{prefix}train/{wnid}/images", ".JPEG"):
            _copy(tree, name, target / "train" / wnid)
    for file, wnid in _val_classes(tree, f"{prefix}val/val_annotations.txt").items():
        if wnid not in wnids:
            raise ValueError(
                f"{tree.path}: {prefix}val/val_annotations.txt gives {file} the class {wnid!r}, "
                "which is not in wnids.txt"
            )
        _copy(tree, f"{prefix}val/images/{file}", target / "val" / wnid)
    for name in tree.files(f"{prefix}test/images", ".JPEG"):
        _copy(tree, name, target / "test")
    (target / "classes.txt").write_text("".join(f"{wnid}\t{words[wnid]}\n" for wnid in wnids))
    return {"classes": len(wnids)}


def _words(tree: FileTree, name: str) -> dict[str, str]:
    """Return the words of each WordNet id."""
    lines = tree.read(name).decode().splitlines()
    return {wnid: words for wnid, _, words in (line.partition("\t") for line in lines) if words}


def _val_classes(tree: FileTree, name: str) -> dict[str, str]:
    """Return the class of each val image; a line has the image, its class and a box."""
    classes = {}
    for number, line in enumerate(tree.read(name).decode().splitlines(), start=1):
        fields = line.split("\t")
        if len(fields) < 2 or PurePosixPath(fields[0]).name != fields[0]:
            raise ValueError(f"{tree.path}: line {number} of {name} has no image name and class")
        classes[fields[0]] = fields[1]
    return classes


def _copy(tree: FileTree, name: str, folder: Path) -> None:
    content = tree.read(name)
    if not content.startswith(JPEG):
        raise ValueError(f"{tree.path}: {name} is not a JPEG. Download the data set again.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PurePosixPath(name).name).write_bytes(content)


SOURCE = DatasetSource(
    home="tiny-imagenet-200.zip (cs231n.stanford.edu/tiny-imagenet-200.zip)",
    counts={"train": 100_000, "val": 10_000, "test": 10_000},
    count=count_images,
    formats=(
        SourceFormat(
            "publisher's folder",
            ("tiny-imagenet-200.zip",),
            "val/val_annotations.txt",
            from_publisher,
            # From Avalanche (benchmarks/datasets/tiny_imagenet); the publisher lists none.
            md5={"tiny-imagenet-200.zip": "90528d7ca1a48142e341f4ef8d21d0de"},
        ),
    ),
)
