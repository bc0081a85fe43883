"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009): 60,000 images of 32x32.

Canonical layout for memory mapping::

    cifar10/{train,test}_images.npy    uint8 [N, 32, 32, 3], RGB
    cifar10/{train,test}_labels.npy    int64 [N]
    cifar10/classes.txt                one name per line, in the order of the labels

Supported formats, packed or unpacked: the published pickles (``cifar-10-python.tar.gz``), read by
torchvision; the published binary files (``cifar-10-binary.tar.gz``); and, for CIFAR-10, a ZIP of
re-encoded JPEGs ``{train,test}/<class>/<n>.jpg``. ``prepared.json`` has ``"encoding": "JPEG"`` for
the ZIP, since re-encoding makes results less comparable with published ones. CIFAR-100 uses the 100
fine labels.
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
PAGE = "www.cs.toronto.edu/~kriz/cifar.html"  # also lists the MD5 of each archive
TRAIN_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))


def count_images(folder: Path) -> dict[str, int]:
    """Return the number of images in each split of the canonical layout."""
    counts = {}
    for split in ("train", "test"):
        path = folder / f"{split}_images.npy"
        counts[split] = len(np.load(path, mmap_mode="r")) if path.is_file() else 0
    return counts


def from_jpegs(tree: FileTree, prefix: str, target: Path) -> dict[str, object]:
    """Convert ``{train,test}/<class>/<n>.jpg`` of CIFAR-10; classes in the published order."""
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
    """Return the converter of the published Python version, which torchvision reads.

    torchvision needs unpacked files, so they are copied to a temporary folder. Each must have the
    published MD5, so that no other pickle is loaded.

    Args:
        dataset: The class of torchvision.
        folder: Folder of the files, relative to the prefix.
    """

    def convert(tree: FileTree, prefix: str, target: Path) -> dict[str, object]:
        listed = [*dataset.train_list, *dataset.test_list]
        listed.append([dataset.meta["filename"], dataset.meta["md5"]])
        with tempfile.TemporaryDirectory(dir=target) as root:
            for name, md5 in listed:
                content = tree.read(f"{prefix}{folder}{name}")
                if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
                    raise ValueError(
                        f"{tree.path}: {prefix}{folder}{name} differs from the published file with "
                        f"the MD5 {md5}. Download it again."
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
    """Return the converter of the published binary version: rows of labels and R, G, B planes.

    Args:
        splits: Files of each split.
        names: Text file of the class names.
        label_bytes: Number of label bytes before the pixels; the last one is used.
    """

    def convert(tree: FileTree, prefix: str, target: Path) -> dict[str, object]:
        row = label_bytes + 3 * PLANE
        for split, files in splits.items():
            tables = []
            for file in files:
                content = np.frombuffer(tree.read(prefix + file), np.uint8)
                if len(content) % row:
                    raise ValueError(
                        f"{tree.path}: the size of {prefix}{file} is not a multiple of {row} "
                        "bytes. Download it again."
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
    """Return the images ``[N, 32, 32, 3]`` of colour planes ``[N, 3072]``."""
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
