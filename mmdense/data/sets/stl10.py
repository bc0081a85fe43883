"""STL-10 (Coates, Ng and Lee 2011): 113,000 images of 96x96, of which 13,000 have labels.

Canonical layout for memory mapping::

    stl10/{train,test,unlabelled}_images.npy    uint8 [N, 96, 96, 3], RGB
    stl10/{train,test}_labels.npy               int64 [N], from 0
    stl10/folds.npy                             int64 [10, 1000], indices of train images
    stl10/classes.txt                           one name per line, in the order of the labels

Supported format: the published binary files, packed or not (cs.stanford.edu/~acoates/stl10). They
contain images in channel, column, row order and labels from 1 to 10. Each line of
``fold_indices.txt`` lists the image indices of one of ten folds, from 0. The images are streamed,
whereas torchvision's reader needs the unpacked archive and 5 GB of memory.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmdense.data.sets.archive import DatasetSource, FileTree, SourceFormat

__all__ = ["SOURCE", "count_images", "from_binary"]

SIDE = 96
BYTES = 3 * SIDE * SIDE  # of one image
AT_ONCE = 1000  # images per block: 28 MB
FILES = {"train": "train", "test": "test", "unlabelled": "unlabeled"}
CLASSES = 10


def count_images(folder: Path) -> dict[str, int]:
    """Return the number of images in each split of the canonical layout."""
    counts = {}
    for split in FILES:
        path = folder / f"{split}_images.npy"
        counts[split] = len(np.load(path, mmap_mode="r")) if path.is_file() else 0
    return counts


def from_binary(tree: FileTree, prefix: str, target: Path) -> dict[str, object]:
    """Convert the published binary files to arrays, block by block."""
    numbers = {}
    for split, file in FILES.items():
        numbers[split] = _images(tree, f"{prefix}{file}_X.bin", target / f"{split}_images.npy")
        if split != "unlabelled":
            labels = _labels(tree, f"{prefix}{file}_y.bin", numbers[split])
            np.save(target / f"{split}_labels.npy", labels)
    np.save(target / "folds.npy", _folds(tree, f"{prefix}fold_indices.txt", numbers["train"]))
    names = tree.read(f"{prefix}class_names.txt").decode().split()
    if len(names) != CLASSES:
        raise ValueError(
            f"{tree.path}: {prefix}class_names.txt has {len(names)} names, not {CLASSES}"
        )
    (target / "classes.txt").write_text("\n".join(names) + "\n")
    return {"encoding": "original"}


def _images(tree: FileTree, name: str, path: Path) -> int:
    """Write the images of one file in row order, and return their number."""
    number, rest = divmod(tree.size(name), BYTES)
    if rest or not number:
        raise ValueError(
            f"{tree.path}: {name} has {tree.size(name)} bytes, which is not a multiple of {BYTES}. "
            "Download it again."
        )
    images = np.lib.format.open_memmap(
        path, mode="w+", dtype=np.uint8, shape=(number, SIDE, SIDE, 3)
    )
    start = 0
    for block in tree.blocks(name, AT_ONCE * BYTES):
        columns = np.frombuffer(block, np.uint8).reshape(-1, 3, SIDE, SIDE)  # [n, 3, W, H]
        images[start : start + len(columns)] = columns.transpose(0, 3, 2, 1)  # [n, H, W, 3]
        start += len(columns)
    images.flush()
    return number


def _labels(tree: FileTree, name: str, number: int) -> np.ndarray:
    """Return the labels from 0, int64 ``[N]``."""
    labels = np.frombuffer(tree.read(name), np.uint8).astype(np.int64) - 1
    if len(labels) != number:
        raise ValueError(f"{tree.path}: {name} has {len(labels)} labels for {number} images")
    if labels.min() < 0 or labels.max() >= CLASSES:
        raise ValueError(
            f"{tree.path}: {name} has the labels {labels.min() + 1} to {labels.max() + 1}, "
            f"not 1 to {CLASSES}"
        )
    return labels


def _folds(tree: FileTree, name: str, number: int) -> np.ndarray:
    """Return the indices of the train images of each fold, int64 ``[folds, images]``."""
    try:
        lines = tree.read(name).decode().splitlines()
        folds = np.array([[int(i) for i in line.split()] for line in lines if line.strip()])
    except ValueError as error:
        raise ValueError(
            f"{tree.path}: {name} must have the same number of indices in every line: {error}"
        ) from error
    if folds.size == 0 or folds.min() < 0 or folds.max() >= number:
        raise ValueError(f"{tree.path}: {name} has no folds of indices from 0 to {number - 1}")
    return folds.astype(np.int64)


SOURCE = DatasetSource(
    home="stl10_binary.tar.gz (cs.stanford.edu/~acoates/stl10)",
    counts={"train": 5_000, "test": 8_000, "unlabelled": 100_000},
    count=count_images,
    formats=(
        SourceFormat(
            "publisher's binary version",
            ("stl10_binary.tar.gz",),
            "unlabeled_X.bin",
            from_binary,
            # From torchvision/datasets/stl10.py; the publisher lists none.
            md5={"stl10_binary.tar.gz": "91f7769df0f17e558f3565bffb0c7dfb"},
        ),
    ),
)
