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

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torchvision
from torchvision.datasets.utils import check_integrity

from mmdense.data.sets.source import DatasetSource, SourceFormat

__all__ = ["CIFAR10_SOURCE", "CIFAR100_SOURCE", "from_binary", "from_jpegs", "from_pickles"]

SIDE = 32
PAGE = "www.cs.toronto.edu/~kriz/cifar.html"  # also lists the MD5 of each archive
SPLITS = ("train", "test")


def from_jpegs(root: Path, target: Path) -> dict[str, object]:
    """Convert ``{train,test}/<class>/<n>.jpg`` of CIFAR-10; classes in the published order."""
    for split in SPLITS:
        images, labels = [], []
        for label, name in enumerate(CIFAR10_CLASSES):
            for path in sorted((root / split / name).glob("[!.]*.jpg")):
                image = cv2.imread(str(path), cv2.IMREAD_COLOR)
                if image is None or image.shape != (SIDE, SIDE, 3):
                    raise ValueError(f"{path} is not a 32x32 JPEG")
                images.append(image[..., ::-1])
                labels.append(label)
        _save(target, split, np.reshape(images, (-1, SIDE, SIDE, 3)), labels)
    return _finish(target, CIFAR10_CLASSES, "JPEG")


def from_pickles(
    dataset: type[torchvision.datasets.CIFAR10], *, folder: str = ""
) -> Callable[[Path, Path], dict[str, object]]:
    """Return the converter of the published Python version, which torchvision reads.

    Each file must have the published MD5, so that no other pickle is loaded.

    Args:
        dataset: The class of torchvision.
        folder: Folder of the files, relative to that of the marker.
    """
    # torchvision looks for the files in root / base_folder.
    reader: Any = type(dataset.__name__, (dataset,), {"base_folder": folder})

    def convert(root: Path, target: Path) -> dict[str, object]:
        meta = [dataset.meta["filename"], dataset.meta["md5"]]
        for name, md5 in [*dataset.train_list, *dataset.test_list, meta]:
            path = root / folder / name
            if not check_integrity(path, md5):
                raise ValueError(
                    f"{path} is missing, or differs from the published file with the MD5 {md5}. "
                    "Download it again."
                )
        for split in SPLITS:
            read = reader(root, train=split == "train")
            _save(target, split, read.data, read.targets)
        return _finish(target, read.classes)

    return convert


def from_binary(
    splits: dict[str, tuple[str, ...]], *, names: str, label_bytes: int
) -> Callable[[Path, Path], dict[str, object]]:
    """Return the converter of the published binary version: rows of labels and R, G, B planes.

    Args:
        splits: Files of each split.
        names: Text file of the class names.
        label_bytes: Number of label bytes before the pixels; the last one is used.
    """
    row = label_bytes + 3 * SIDE * SIDE

    def read(path: Path) -> np.ndarray:
        content = np.fromfile(path, np.uint8)
        if len(content) % row:
            raise ValueError(
                f"the size of {path} is not a multiple of {row} bytes. Download it again."
            )
        return content.reshape(-1, row)

    def convert(root: Path, target: Path) -> dict[str, object]:
        for split, files in splits.items():
            table = np.concatenate([read(root / file) for file in files])  # [N, row]
            planes = table[:, label_bytes:].reshape(-1, 3, SIDE, SIDE)
            _save(target, split, planes.transpose(0, 2, 3, 1), table[:, label_bytes - 1])
        return _finish(target, (root / names).read_text().split())

    return convert


def _save(target: Path, split: str, images: np.ndarray, labels: Any) -> None:
    np.save(target / f"{split}_images.npy", np.ascontiguousarray(images, dtype=np.uint8))
    np.save(target / f"{split}_labels.npy", np.asarray(labels, dtype=np.int64))


def _finish(target: Path, classes: Any, encoding: str = "original") -> dict[str, object]:
    (target / "classes.txt").write_text("\n".join(classes) + "\n")
    return {"encoding": encoding}


CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer",
    "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
CIFAR10_SOURCE = DatasetSource(
    home=f"cifar-10-python.tar.gz, cifar-10-binary.tar.gz ({PAGE}) or cifar10_jpeg.zip",
    counts={"train": 50_000, "test": 10_000},
    patterns={split: (f"{split}_images.npy",) for split in SPLITS},
    formats=(
        SourceFormat(
            "publisher's Python version",
            {"cifar-10-python.tar.gz": torchvision.datasets.CIFAR10.tgz_md5},
            "data_batch_1",
            from_pickles(torchvision.datasets.CIFAR10),
        ),
        SourceFormat(
            "publisher's binary version",
            {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"},
            "data_batch_1.bin",
            from_binary(
                {
                    "train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
                    "test": ("test_batch.bin",),
                },
                names="batches.meta.txt",
                label_bytes=1,
            ),
        ),
        SourceFormat("JPEG", {"cifar10_jpeg.zip": None}, "train/airplane/0000.jpg", from_jpegs),
    ),
)
CIFAR100_SOURCE = DatasetSource(
    home=f"cifar-100-python.tar.gz or cifar-100-binary.tar.gz ({PAGE})",
    counts={"train": 50_000, "test": 10_000},
    patterns=CIFAR10_SOURCE.patterns,
    formats=(
        SourceFormat(
            "publisher's Python version",
            {"cifar-100-python.tar.gz": torchvision.datasets.CIFAR100.tgz_md5},
            "cifar-100-python/meta",
            from_pickles(torchvision.datasets.CIFAR100, folder="cifar-100-python"),
        ),
        SourceFormat(
            "publisher's binary version",
            {"cifar-100-binary.tar.gz": "03b5dce01913d631647c71ecec9e9cb8"},
            "fine_label_names.txt",
            from_binary(
                {"train": ("train.bin",), "test": ("test.bin",)},
                names="fine_label_names.txt",
                label_bytes=2,
            ),
        ),
    ),
)
