"""Writing WebDataset shards: many images in a few tar files, which disks and networks prefer.

What a set of shards is made of, :mod:`mmdense.data.shards.index` says.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import shutil
import tarfile
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from rich.console import Console
from rich.progress import track

from mmdense.data.file_lock import hold_lock
from mmdense.data.shards.index import INDEX, NO_CLASS, SUFFIXES, import_webdataset, write_index

__all__ = ["write_shards"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Photo:
    """An image to be written: its file, its name below the source, and its class."""

    path: Path
    name: str
    label: int


def write_shards(
    source: Path, out: Path, *, max_bytes: int = 500_000_000, max_samples: int | None = None
) -> Path:
    """Write all images of a folder, and of the folders in it, as shards.

    Where no image lies in ``source`` itself, its folders are the classes, numbered in alphabetical
    order as MMPretrain's ``CustomDataset`` does. Images are stored as they are, in the order of the
    SHA-256 of their names: it mixes the classes, so neighbours in a shard are a fair sample. The
    same images give the same bytes. Hidden files and folders are left out.

    The set is built in a hidden folder beside ``out`` and renamed when it is complete. Where
    ``out`` holds the same images in shards of the same size already, nothing is done.

    Args:
        source: Folder of images, or of folders.
        out: Folder to make.
        max_bytes: Largest shard, in bytes; an image that is larger gets a shard of its own.
        max_samples: Most images of a shard; None leaves it to ``max_bytes``.

    Returns:
        ``out``.

    Raises:
        ModuleNotFoundError: webdataset is not installed.
        FileNotFoundError: There is no such source, or no image in it.
        ValueError: A file is no image, a class has none, ``out`` is inside ``source``, or a limit
            is below 1.
        FileExistsError: ``out`` is there and holds something else.
    """
    for name, limit in (("max_bytes", max_bytes), ("max_samples", max_samples)):
        if limit is not None and limit < 1:
            raise ValueError(f"{name} must be at least 1, got {limit}")
    import_webdataset()  # a missing library is told before any work
    source, out = Path(source), Path(out)
    if source.resolve() in (out.resolve(), *out.resolve().parents):
        raise ValueError(f"{out} is inside {source}; give another folder to write to")
    photos, classes = _find_photos(source)
    asked = {
        "fingerprint": _fingerprint(photos),
        "max_bytes": max_bytes,
        "max_samples": max_samples,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    with hold_lock(out.parent / f".{out.name}.lock"):
        if out.exists():
            _check_same(out, source, asked)
            return out
        for stale in out.parent.glob(f".{out.name}.*.part"):
            logger.warning("%s: removing what an interrupted run left", stale)
            shutil.rmtree(stale)
        part = out.parent / f".{out.name}.{os.getpid()}.part"
        part.mkdir()
        try:
            _write_tars(photos, part, max_bytes, max_samples)
            write_index(part, classes, asked)
            part.rename(out)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            logger.warning("%s was not written; nothing is left of the attempt", out)
            raise
    return out


def _find_photos(source: Path) -> tuple[list[_Photo], list[str] | None]:
    """All images in the order of writing, and the classes where folders are classes."""
    if not source.is_dir():
        raise FileNotFoundError(f"there is no folder {source}")
    paths = []
    for folder, folders, files in os.walk(source, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(folder, name) for name in files if not name.startswith(".")]
    paths = [path for path in paths if path.suffix[1:].lower() in SUFFIXES]
    if not paths:
        raise FileNotFoundError(f"{source} holds no images; they end in {', '.join(SUFFIXES)}")
    parts = [path.relative_to(source).parts for path in paths]
    classes = None
    if all(len(part) > 1 for part in parts):
        classes = sorted(
            entry.name for entry in source.iterdir() if entry.is_dir() and entry.name[0] != "."
        )
        if empty := set(classes) - {part[0] for part in parts}:
            raise ValueError(f"{source}: no images in {', '.join(sorted(empty))}")
    numbers = {name: number for number, name in enumerate(classes or ())}
    photos = [
        _Photo(path, "/".join(part), numbers.get(part[0], NO_CLASS))
        for path, part in zip(paths, parts)
    ]
    return sorted(photos, key=lambda photo: _digest(photo.name)), classes


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()


def _fingerprint(photos: Iterable[_Photo]) -> str:
    """SHA-256 over names and sizes; the contents would take as long to read as to write."""
    lines = [f"{photo.name} {photo.path.stat().st_size} {photo.label}" for photo in photos]
    return _digest("\n".join(lines))


def _check_same(out: Path, source: Path, asked: dict[str, Any]) -> None:
    """Pass if ``out`` is what would be written."""
    index = out / INDEX
    found = json.loads(index.read_text()).get("source") if index.is_file() else None
    if found != asked:
        raise FileExistsError(
            f"{out} is there, but was not written from {source} as it is now with max_bytes="
            f"{asked['max_bytes']}, max_samples={asked['max_samples']}; move it away"
        )


def _keys(photos: Iterable[_Photo]) -> Iterable[str]:
    """A key for each image: its name without suffix.

    A key ends at the first dot of the file name, so other dots become underscores, and names that
    are the same then get a number.
    """
    taken: set[str] = set()
    for photo in photos:
        folder, _, file = photo.name.rpartition("/")
        stem = file.rpartition(".")[0].replace(".", "_")
        first = f"{folder}/{stem}" if folder else stem
        key, number = first, 1
        while key in taken:
            number += 1
            key = f"{first}_{number}"
        taken.add(key)
        yield key


def _write_tars(
    photos: list[_Photo], folder: Path, max_bytes: int, max_samples: int | None
) -> None:
    make_writer = import_webdataset().TarWriter
    writer = None
    used = count = number = 0
    shown = track(photos, "shards", console=Console(stderr=True), transient=True)
    with ExitStack() as shard:
        for photo, key in zip(shown, _keys(photos)):
            sample = _sample(photo)
            size = sum(_tar_size(f"{key}.{end}", len(data)) for end, data in sample.items())
            full = _padded(used + size) > max_bytes or count == max_samples
            if writer is None or (full and count):
                shard.close()
                file = shard.enter_context((folder / f"{number:06d}.tar").open("wb"))
                # Fixed names and times: the same images give the same bytes.
                writer = make_writer(file, user="", group="", encoder=False, mtime=0)
                shard.enter_context(writer)
                number, used, count = number + 1, 0, 0
            writer.write({"__key__": key, **sample})
            used, count = used + size, count + 1


def _sample(photo: _Photo) -> dict[str, bytes]:
    """Members of one image by their endings; the image was seen to begin as one."""
    content = photo.path.read_bytes()
    try:
        Image.open(io.BytesIO(content)).close()
    except Image.DecompressionBombError:
        pass  # its header was read: an image, and a very large one
    except OSError as error:
        raise ValueError(f"{photo.path} is no image ({error}); mend or move it") from error
    sample = {photo.path.suffix[1:].lower(): content}
    if photo.label != NO_CLASS:
        sample["cls"] = str(photo.label).encode()
    return sample


def _tar_size(name: str, size: int) -> int:
    """Bytes of a member with its header, in blocks of 512."""
    return len(tarfile.TarInfo(name).tobuf()) + -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def _padded(used: int) -> int:
    """Bytes of the whole file: two empty blocks end a tar, which is filled up to a record."""
    return -(-(used + 2 * tarfile.BLOCKSIZE) // tarfile.RECORDSIZE) * tarfile.RECORDSIZE
