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
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from mmdense.checkpoints.atomic_backend import atomic_file, write_atomically
from mmdense.checkpoints.file_sha256 import file_sha256

__all__ = ["INDEX", "MEMBERS", "NO_CLASS", "SUFFIXES", "VERSION"]
__all__ += ["index_shards", "write_index"]

INDEX = "index.json"
MEMBERS = "members.npy"
VERSION = 1
SUFFIXES = ("bmp", "jpeg", "jpg", "png", "ppm", "tif", "tiff", "webp")
NO_CLASS = -1


def index_shards(folder: Path) -> Path:
    """Write ``index.json`` and ``members.npy`` for shards of another program.

    The tars are uncompressed, with one image per sample. Class indices come from ``.cls`` members.

    Raises:
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

    ``source`` describes the source, for ``index.json``. Errors are as in :func:`index_shards`.
    """
    shards, rows = [], []
    paths = sorted(folder.glob("*.tar"))
    for path in track(paths, "index", console=Console(stderr=True), transient=True):
        rows.append(_members(path))
        size, digest = path.stat().st_size, file_sha256(path)
        shards.append(dict(name=path.name, samples=len(rows[-1]), bytes=size, sha256=digest))
    index = {
        "version": VERSION,
        "images": sum(map(len, rows)),
        "classes": classes,
        "shards": shards,
        "source": source,
    }
    with atomic_file(folder / MEMBERS) as file:
        np.save(file, np.concatenate(rows))
    write_atomically(json.dumps(index, indent=1).encode() + b"\n", folder / INDEX)


def _members(path: Path) -> np.ndarray:
    """Return the rows of ``members.npy`` for one shard."""
    try:
        with tarfile.open(path, mode="r:") as tar:
            members = [member for member in tar if member.isfile()]
            rows = [
                _row(path, tar, key, list(group))
                for key, group in groupby(members, lambda member: _key(member.name))
                if key
            ]
    except tarfile.TarError as error:
        raise ValueError(
            f"{path} is damaged or compressed ({error}). Copy it again, or decompress it."
        ) from error
    if not rows:
        raise ValueError(f"{path} has no samples. Remove it from the folder.")
    return np.array(rows, dtype=np.int64)


def _key(name: str) -> str:
    """Return a member's name up to the first dot of the file name; empty if there is none."""
    folder, slash, file = name.rpartition("/")
    stem, dot, _ = file.partition(".")
    return folder + slash + stem if stem and dot else ""


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
