"""What lies where in a set of WebDataset shards.

A set of shards is a folder:

    index.json            images, classes, and of each shard its samples, bytes and SHA-256
    members.npy           where each image lies: int64 [N, 3], a row a sample in the order of the
                          shards: first byte of its tar header, bytes from there to the end of the
                          image, and its class, or -1
    000000.tar ...        one sample after another: <key>.<jpg|png|...>, and <key>.cls with classes

The tars are plain WebDataset (https://github.com/webdataset/webdataset), which any of its readers
takes; the two other files let :class:`mmdense.data.shards.dataset.ShardDataset` read single images
in any order without unpacking.
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
    """A line of ``index.json``."""

    name: str
    samples: int
    bytes: int
    sha256: str


def import_webdataset() -> ModuleType:
    """The library, which only those who write or index shards need.

    Raises:
        ModuleNotFoundError: It is not installed; the message says how to.
    """
    try:
        import webdataset
    except ModuleNotFoundError as error:
        if error.name not in ("webdataset", "braceexpand"):
            raise
        raise ModuleNotFoundError(
            "shards are written and indexed by webdataset: pip install mmdense[shards]",
            name=error.name,
        ) from error
    return webdataset


def index_shards(folder: Path) -> Path:
    """Write ``index.json`` and ``members.npy`` for shards that another program wrote.

    Class numbers are read from ``.cls`` members; names of classes are not in a tar.

    Args:
        folder: Holds uncompressed ``*.tar``, one image a sample.

    Returns:
        ``folder``.

    Raises:
        ModuleNotFoundError: webdataset is not installed.
        FileNotFoundError: There are no ``*.tar``.
        FileExistsError: There is an index already.
        ValueError: A shard is damaged or compressed, or a sample has not exactly one image.
    """
    folder = Path(folder)
    if not any(folder.glob("*.tar")):
        raise FileNotFoundError(f"{folder} holds no *.tar")
    if (folder / INDEX).exists():
        raise FileExistsError(f"{folder / INDEX} is there; delete it to have it made again")
    write_index(folder, None, None)
    return folder


def write_index(folder: Path, classes: list[str] | None, source: dict[str, Any] | None) -> None:
    """Read back every ``*.tar`` of a folder and write the index; ``index.json`` comes last.

    Args:
        folder: Holds the shards.
        classes: Names of the classes.
        source: What the set was made from, for ``index.json``.

    Raises:
        ValueError: As :func:`index_shards`.
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
    """The rows of ``members.npy`` for one shard."""
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
        raise ValueError(f"{path} is damaged, or compressed: {error}") from error
    if not rows:
        raise ValueError(f"{path} holds no samples")
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
                raise ValueError(f"{path}: {member.name} is {text[:20]!r}, not a class number")
            label = int(text)
    if len(images) != 1:
        found = ", ".join(member.name for member in group)
        raise ValueError(f"{path}: sample {key} has {len(images)} images, not one: {found}")
    start, end_of_image = images[0].offset, images[0].offset_data + images[0].size
    return [start, end_of_image - start, label]
