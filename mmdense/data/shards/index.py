"""The index of a set of WebDataset shards.

A set of shards is a folder:

    index.json            number of images, classes, and samples, bytes and SHA-256 of each shard
    members.npy           int64 [N, 3], one row per sample in the order of the shards: first byte of
                          the tar header, bytes from there to the end of the image, and the class
                          or -1
    000000.tar ...        samples <key>.<jpg|png|...>, and <key>.cls if there are classes

Any reader of WebDataset (https://github.com/webdataset/webdataset) can read the tars. The other two
files let :class:`mmdense.data.shards.dataset.ShardDataset` read single images in any order.
"""

from __future__ import annotations

import json
import tarfile
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from mmdense.checkpoints.file_sha256 import file_sha256

__all__ = ["INDEX", "MEMBERS", "NO_CLASS", "SUFFIXES", "VERSION"]
__all__ += ["import_webdataset", "index_shards", "write_index"]

INDEX = "index.json"
MEMBERS = "members.npy"
VERSION = 1
SUFFIXES = ("bmp", "jpeg", "jpg", "png", "ppm", "tif", "tiff", "webp")
NO_CLASS = -1


@dataclass(frozen=True)
class _Shard:
    """One shard in ``index.json``."""

    name: str
    samples: int
    bytes: int
    sha256: str


def import_webdataset() -> ModuleType:
    """Return the webdataset module; only writing and indexing shards need it.

    Raises:
        ModuleNotFoundError: webdataset is not installed.
    """
    try:
        import webdataset
    except ModuleNotFoundError as error:
        if error.name not in ("webdataset", "braceexpand"):
            raise
        raise ModuleNotFoundError(
            "writing and indexing shards needs webdataset: pip install mmdense[shards]",
            name=error.name,
        ) from error
    return webdataset


def index_shards(folder: Path) -> Path:
    """Write ``index.json`` and ``members.npy`` for shards of another program.

    Class indices come from ``.cls`` members; a tar has no class names.

    Args:
        folder: Folder with uncompressed ``*.tar`` files, one image per sample.

    Returns:
        ``folder``.

    Raises:
        ModuleNotFoundError: webdataset is not installed.
        FileNotFoundError: The folder has no ``*.tar``.
        FileExistsError: The folder has an index already.
        ValueError: A shard is damaged or compressed, or a sample does not have exactly one image.
    """
    folder = Path(folder)
    if not any(folder.glob("*.tar")):
        raise FileNotFoundError(f"{folder} has no *.tar. Set the folder of the shards.")
    if (folder / INDEX).exists():
        raise FileExistsError(f"{folder / INDEX} exists already. Delete it to write a new index.")
    write_index(folder, None, None)
    return folder


def write_index(folder: Path, classes: list[str] | None, source: dict[str, Any] | None) -> None:
    """Write the index of all ``*.tar`` in a folder, with ``index.json`` last.

    Args:
        folder: Folder of the shards.
        classes: Class names.
        source: Description of the source, for ``index.json``.

    Raises:
        ValueError: As in :func:`index_shards`.
    """
    shards, rows = [], []
    paths = sorted(folder.glob("*.tar"))
    for path in track(paths, "index", console=Console(stderr=True), transient=True):
        rows.append(_members(path))
        shards.append(_Shard(path.name, len(rows[-1]), path.stat().st_size, file_sha256(path)))
    index = {
        "version": VERSION,
        "images": sum(shard.samples for shard in shards),
        "classes": classes,
        "shards": [asdict(shard) for shard in shards],
        "source": source,
    }
    unfinished = folder / f".{MEMBERS}"
    with unfinished.open("wb") as file:
        np.save(file, np.concatenate(rows))
    unfinished.replace(folder / MEMBERS)
    unfinished = folder / f".{INDEX}"
    unfinished.write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(folder / INDEX)


def _members(path: Path) -> np.ndarray:
    """Return the rows of ``members.npy`` for one shard."""
    base_plus_ext = import_webdataset().tariterators.base_plus_ext
    try:
        with tarfile.open(path, mode="r:") as tar:
            members = [member for member in tar if member.isfile()]
            rows = [
                _row(path, tar, key, list(group))
                for key, group in groupby(members, lambda member: base_plus_ext(member.name)[0])
                if key is not None
            ]
    except tarfile.TarError as error:
        raise ValueError(
            f"{path} is damaged or compressed ({error}). Copy it again, or decompress it."
        ) from error
    if not rows:
        raise ValueError(f"{path} has no samples. Remove it from the folder.")
    return np.array(rows, dtype=np.int64)


def _row(path: Path, tar: tarfile.TarFile, key: str, group: list[tarfile.TarInfo]) -> list[int]:
    images, label = [], NO_CLASS
    for member in group:
        end = member.name[len(key) + 1 :].lower()
        if end in SUFFIXES:
            images.append(member)
        elif end == "cls" and (file := tar.extractfile(member)):
            text = file.read()
            if not text.strip().isdigit():
                raise ValueError(f"{path}: {member.name} is {text[:20]!r}, not a class index")
            label = int(text)
    if len(images) != 1:
        found = ", ".join(member.name for member in group)
        raise ValueError(f"{path}: sample {key} has {len(images)} images, not one: {found}")
    start, end_of_image = images[0].offset, images[0].offset_data + images[0].size
    return [start, end_of_image - start, label]
