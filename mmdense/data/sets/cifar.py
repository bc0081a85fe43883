"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009): 60,000 images of 32x32.

Canonical layout, to be memory-mapped::

    cifar10/{train,test}_images.npy    uint8 [N, 32, 32, 3], RGB
    cifar10/{train,test}_labels.npy    int64 [N]
    cifar10/classes.txt                one name a line, in the order of the labels

Formats read: the publisher's pickles (``cifar-10-python.tar.gz``) by torchvision, the publisher's
binary files (``cifar-10-binary.tar.gz``), which torchvision does not read, each also unpacked, and
for CIFAR-10 a ZIP of re-encoded JPEGs ``{train,test}/<class>/<n>.jpg``, sorted by class.
``prepared.json`` has ``"encoding": "JPEG"`` for the last: such figures are comparable with
published ones only with that remark. CIFAR-100 takes the 100 fine labels.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torchvision

from mmdense.data.sets.archive import DatasetSource, FileTree, SourceFormat

__all__ = ["CIFAR10_SOURCE", "CIFAR100_SOURCE", "count_images", "from_binary", "from_jpegs"]

SIDE = 32
PLANE = SIDE * SIDE
PAGE = "www.cs.toronto.edu/~kriz/cifar.html"  # it also states the MD5 of each archive
TRAIN_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))


def count_images(folder: Path) -> dict[str, int]:
    """Images of each split in the canonical layout."""
    counts = {}
    for split in ("train", "test"):
        path = folder / f"{split}_images.npy"
        counts[split] = len(np.load(path, mmap_mode="r")) if path.is_file() else 0
    return counts


def from_jpegs(tree: FileTree, prefix: str, target: Path) -> dict[str, object]:
    """Decode ``{train,test}/<class>/<n>.jpg`` of CIFAR-10; classes in the publisher's order."""
    for split in ("train", "test"):
        images, labels = [], []
        for label, name in enumerate(CIFAR10_CLASSES):
            for file in tree.files(f"{prefix}{split}/{name}", ".jpg"):
                content = np.frombuffer(tree.read(file), np.uint8)
                image = cv2.imdecode(content, cv2.IMREAD_COLOR)
                if image is None or image.shape != (SIDE, SIDE, 3):
                    raise ValueError(f"{tree.path}: {file} is not a 32x32 JPEG")
                images.append(image[..., ::-1])
                labels.append(label)
        _save(target, split, np.stack(images) if images else np.empty((0, SIDE, SIDE, 3)), labels)
    (target / "classes.txt").write_text("\n".join(CIFAR10_CLASSES) + "\n")
    return {"encoding": "JPEG"}


def from_pickles(
    dataset: type[torchvision.datasets.CIFAR10], *, folder: str = ""
) -> Callable[[FileTree, str, Path], dict[str, object]]:
    """Return the reader of the publisher's Python version, which is torchvision's.

    torchvision reads the unpacked files alone, so they are copied beside the target first. Each has
    to have the publisher's MD5, so that no other pickle is ever loaded.

    Args:
        dataset: The class of torchvision.
        folder: Where the files are below the prefix.
    """

    def convert(tree: FileTree, prefix: str, target: Path) -> dict[str, object]:
        listed = [*dataset.train_list, *dataset.test_list]
        listed.append([dataset.meta["filename"], dataset.meta["md5"]])
        with tempfile.TemporaryDirectory(dir=target) as root:
            for name, md5 in listed:
                content = tree.read(f"{prefix}{folder}{name}")
                if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
                    raise ValueError(
                        f"{tree.path}: {prefix}{folder}{name} is not the publisher's file, whose "
                        f"MD5 is {md5}; fetch it again"
                    )
                path = Path(root, dataset.base_folder, name)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
            for split in ("train", "test"):
                read = dataset(root, train=split == "train")
                _save(target, split, read.data, read.targets)
        (target / "classes.txt").write_text("\n".join(read.classes) + "\n")
        return {"encoding": "original"}

    return convert


def from_binary(
    splits: dict[str, tuple[str, ...]], *, names: str, label_bytes: int
) -> Callable[[FileTree, str, Path], dict[str, object]]:
    """Reader of the publisher's binary version: rows of labels, then red, green, blue planes.

    Args:
        splits: Files of each split.
        names: Text file of the class names.
        label_bytes: Bytes before the pixels; the last of them is the label that counts.
    """

    def convert(tree: FileTree, prefix: str, target: Path) -> dict[str, object]:
        row = label_bytes + 3 * PLANE
        for split, files in splits.items():
            tables = []
            for file in files:
                content = np.frombuffer(tree.read(prefix + file), np.uint8)
                if len(content) % row:
                    raise ValueError(
                        f"{tree.path}: {prefix}{file} is not whole rows of {row} bytes"
                    )
                tables.append(content.reshape(-1, row))
            table = np.concatenate(tables)  # [N, row]
            _save(
                target, split, _planes_to_images(table[:, label_bytes:]), table[:, label_bytes - 1]
            )
        (target / "classes.txt").write_text(
            "\n".join(tree.read(prefix + names).decode().split()) + "\n"
        )
        return {"encoding": "original"}

    return convert


def _planes_to_images(planes: np.ndarray) -> np.ndarray:
    """Rows of colour planes ``[N, 3072]`` to images ``[N, 32, 32, 3]``."""
    return planes.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)


def _save(target: Path, split: str, images: np.ndarray, labels: Any) -> None:
    np.save(target / f"{split}_images.npy", np.ascontiguousarray(images, dtype=np.uint8))
    np.save(target / f"{split}_labels.npy", np.asarray(labels, dtype=np.int64))


CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer",
    "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
CIFAR10_SOURCE = DatasetSource(
    home=f"cifar-10-python.tar.gz, cifar-10-binary.tar.gz ({PAGE}) or cifar10_jpeg.zip",
    counts={"train": 50_000, "test": 10_000},
    count=count_images,
    formats=(
        SourceFormat(
            "publisher's Python version",
            ("cifar-10-python.tar.gz",),
            "data_batch_1",
            from_pickles(torchvision.datasets.CIFAR10),
            md5={"cifar-10-python.tar.gz": torchvision.datasets.CIFAR10.tgz_md5},
        ),
        SourceFormat(
            "publisher's binary version",
            ("cifar-10-binary.tar.gz",),
            "data_batch_1.bin",
            from_binary(
                {
                    "train": tuple(f"{file}.bin" for file in TRAIN_BATCHES),
                    "test": ("test_batch.bin",),
                },
                names="batches.meta.txt",
                label_bytes=1,
            ),
            md5={"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"},
        ),
        SourceFormat("JPEG", ("cifar10_jpeg.zip",), "train/airplane/0000.jpg", from_jpegs),
    ),
)
CIFAR100_SOURCE = DatasetSource(
    home=f"cifar-100-python.tar.gz or cifar-100-binary.tar.gz ({PAGE})",
    counts={"train": 50_000, "test": 10_000},
    count=count_images,
    formats=(
        SourceFormat(
            "publisher's Python version",
            ("cifar-100-python.tar.gz",),
            "cifar-100-python/meta",
            from_pickles(torchvision.datasets.CIFAR100, folder="cifar-100-python/"),
            md5={"cifar-100-python.tar.gz": torchvision.datasets.CIFAR100.tgz_md5},
        ),
        SourceFormat(
            "publisher's binary version",
            ("cifar-100-binary.tar.gz",),
            "fine_label_names.txt",
            from_binary(
                {"train": ("train.bin",), "test": ("test.bin",)},
                names="fine_label_names.txt",
                label_bytes=2,
            ),
            md5={"cifar-100-binary.tar.gz": "03b5dce01913d631647c71ecec9e9cb8"},
        ),
    ),
)
