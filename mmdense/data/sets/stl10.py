"""STL-10 (Coates, Ng and Lee 2011): 113,000 images of 96x96, of which 13,000 have labels.

Canonical layout for memory mapping::

    stl10/{train,test,unlabelled}_images.npy    uint8 [N, 96, 96, 3], RGB
    stl10/{train,test}_labels.npy               int64 [N], from 0
    stl10/folds.npy                             int64 [10, 1000], indices of train images
    stl10/classes.txt                           one name per line, in the order of the labels

Supported format: the published binary files, packed or not (cs.stanford.edu/~acoates/stl10). They
contain images in channel, column, row order and labels from 1 to 10. Each line of
``fold_indices.txt`` lists the image indices of one of ten folds, from 0. The images are streamed,
whereas torchvision's reader needs 5 GB of memory.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmdense.data.sets.source import DatasetSource, SourceFormat

__all__ = ["SOURCE", "from_binary"]

SIDE = 96
BYTES = 3 * SIDE * SIDE  # of one image
FILES = {"train": "train", "test": "test", "unlabelled": "unlabeled"}
CLASSES = 10


def from_binary(root: Path, target: Path) -> dict[str, object]:
    """Convert the published binary files to arrays."""
    numbers = {}
    for split, file in FILES.items():
        numbers[split] = _images(root / f"{file}_X.bin", target / f"{split}_images.npy")
        if split != "unlabelled":
            labels = _labels(root / f"{file}_y.bin", numbers[split])
            np.save(target / f"{split}_labels.npy", labels)
    np.save(target / "folds.npy", _folds(root / "fold_indices.txt", numbers["train"]))
    names = (root / "class_names.txt").read_text().split()
    if len(names) != CLASSES:
        raise ValueError(f"{root / 'class_names.txt'} has {len(names)} names, not {CLASSES}")
    (target / "classes.txt").write_text("\n".join(names) + "\n")
    return {"encoding": "original"}


def _images(file: Path, path: Path) -> int:
    """Write the images of one file in row order, and return their number."""
    size = file.stat().st_size
    if size % BYTES or not size:
        raise ValueError(
            f"{file} has {size} bytes, which is not a multiple of {BYTES}. Download it again."
        )
    columns = np.memmap(file, np.uint8, "r", shape=(size // BYTES, 3, SIDE, SIDE))  # [N, 3, W, H]
    np.save(path, columns.transpose(0, 3, 2, 1))  # [N, H, W, 3], written in small parts
    return len(columns)


def _labels(file: Path, number: int) -> np.ndarray:
    """Return the labels from 0, int64 ``[N]``."""
    labels = np.fromfile(file, np.uint8).astype(np.int64) - 1
    if len(labels) != number:
        raise ValueError(f"{file} has {len(labels)} labels for {number} images")
    if labels.min() < 0 or labels.max() >= CLASSES:
        found = f"{labels.min() + 1} to {labels.max() + 1}"
        raise ValueError(f"{file} has the labels {found}, not 1 to {CLASSES}")
    return labels


def _folds(file: Path, number: int) -> np.ndarray:
    """Return the indices of the train images of each fold, int64 ``[folds, images]``."""
    try:
        folds = np.loadtxt(file, np.int64, ndmin=2)
    except ValueError as error:
        raise ValueError(
            f"{file} must have the same number of indices in every line: {error}"
        ) from error
    if folds.size == 0 or folds.min() < 0 or folds.max() >= number:
        raise ValueError(f"{file} has no folds of indices from 0 to {number - 1}")
    return folds


SOURCE = DatasetSource(
    home="stl10_binary.tar.gz (cs.stanford.edu/~acoates/stl10)",
    counts={"train": 5_000, "test": 8_000, "unlabelled": 100_000},
    patterns={split: (f"{split}_images.npy",) for split in FILES},
    formats=(
        SourceFormat(
            "publisher's binary version",
            # From torchvision/datasets/stl10.py; the publisher lists none.
            {"stl10_binary.tar.gz": "91f7769df0f17e558f3565bffb0c7dfb"},
            "unlabeled_X.bin",
            from_binary,
        ),
    ),
)
