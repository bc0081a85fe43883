"""Writer of WebDataset shards: few tar files instead of many images, for faster reads.

:mod:`mmdense.data.shards.index` describes the format.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from rich.console import Console
from rich.progress import track

from mmdense.data.new_folder import new_folder
from mmdense.data.shards.index import INDEX, NO_CLASS, SUFFIXES, write_index

__all__ = ["write_shards"]


class _Photo(NamedTuple):
    """An image: its file, its name relative to the source, and its class index."""

    path: Path
    name: str
    label: int


def write_shards(
    source: Path, out: Path, *, max_bytes: int = 500_000_000, max_samples: int | None = None
) -> Path:
    """Write all images of a folder and its subfolders as shards.

    If ``source`` itself has no images, its subfolders are the classes, numbered alphabetically as
    in MMPretrain's ``CustomDataset``. Images are stored unchanged, in the order of the SHA-256 of
    their names, which mixes the classes in each shard. The same images give the same bytes. Hidden
    files and folders are skipped.

    If ``out`` already contains the same images with the same limits, nothing is written.

    Args:
        source: Folder of images or of class folders.
        out: Folder of the shards.
        max_bytes: Maximum size of a shard in bytes; a larger image gets its own shard.
        max_samples: Maximum number of images in a shard; None sets no limit.

    Raises:
        FileNotFoundError: The source does not exist or has no images.
        ValueError: A file is not an image, a class is empty, ``out`` is inside ``source``, or a
            limit is below 1.
        FileExistsError: ``out`` exists with other content.
    """
    for name, limit in (("max_bytes", max_bytes), ("max_samples", max_samples)):
        if limit is not None and limit < 1:
            raise ValueError(f"{name} must be at least 1, got {limit}")
    source, out = Path(source), Path(out)
    if source.resolve() in (out.resolve(), *out.resolve().parents):
        raise ValueError(f"{out} is inside {source}. Choose another output folder.")
    photos, classes = _find_photos(source)
    asked = {
        "fingerprint": _fingerprint(photos),
        "max_bytes": max_bytes,
        "max_samples": max_samples,
    }
    with new_folder(out) as part:
        if part is None:
            _check_same(out, source, asked)
        else:
            _write_tars(photos, part, max_bytes, max_samples)
            write_index(part, classes, asked)
    return out


def _find_photos(source: Path) -> tuple[list[_Photo], list[str] | None]:
    """Return all images in the order of writing, and the class names, or None."""
    if not source.is_dir():
        raise FileNotFoundError(f"no such folder {source}. Set the source to a folder of images.")
    paths = []
    for folder, folders, files in os.walk(source, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(folder, name) for name in files if not name.startswith(".")]
    paths = [path for path in paths if path.suffix[1:].lower() in SUFFIXES]
    if not paths:
        raise FileNotFoundError(f"{source} has no images with a suffix of {', '.join(SUFFIXES)}")
    parts = [path.relative_to(source).parts for path in paths]
    classes = None
    if all(len(part) > 1 for part in parts):
        classes = sorted(
            entry.name for entry in source.iterdir() if entry.is_dir() and entry.name[0] != "."
        )
        if empty := set(classes) - {part[0] for part in parts}:
            raise ValueError(
                f"{source}: no images in {', '.join(sorted(empty))}. Add images, or remove these "
                "folders."
            )
    numbers = {name: number for number, name in enumerate(classes or ())}
    photos = [
        _Photo(path, "/".join(part), numbers.get(part[0], NO_CLASS))
        for path, part in zip(paths, parts)
    ]
    return sorted(photos, key=lambda photo: _digest(photo.name)), classes


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()


def _fingerprint(photos: Iterable[_Photo]) -> str:
    """Return the SHA-256 over names, sizes and labels; reading the contents would be slow."""
    lines = [f"{photo.name} {photo.path.stat().st_size} {photo.label}" for photo in photos]
    return _digest("\n".join(lines))


def _check_same(out: Path, source: Path, asked: dict[str, Any]) -> None:
    """Raise an error if ``out`` differs from the requested shards."""
    index = out / INDEX
    found = json.loads(index.read_text()).get("source") if index.is_file() else None
    if found != asked:
        raise FileExistsError(
            f"{out} exists already, but differs from the shards of {source} with max_bytes="
            f"{asked['max_bytes']}, max_samples={asked['max_samples']}. Move it away."
        )


def _keys(photos: Iterable[_Photo]) -> Iterable[str]:
    """Yield a unique key for each image: its name without the suffix.

    WebDataset ends a key at the first dot of the file name, so dots become underscores. Duplicates
    get a number.
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
    tar, number, count = None, 0, 0
    shown = track(photos, "shards", console=Console(stderr=True), transient=True)
    with ExitStack() as shard:
        for photo, key in zip(shown, _keys(photos)):
            sample = {f"{key}.{end}": content for end, content in sorted(_sample(photo).items())}
            size = sum(_tar_size(name, len(content)) for name, content in sample.items())
            if (
                tar is None
                or count == max_samples
                or (count and _padded(tar.offset + size) > max_bytes)
            ):
                shard.close()
                tar = shard.enter_context(tarfile.open(folder / f"{number:06d}.tar", "w"))
                number, count = number + 1, 0
            for name, content in sample.items():
                # Without owner and time, so that the same images give the same bytes.
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(content), 0o444
                tar.addfile(member, io.BytesIO(content))
            count += 1


def _sample(photo: _Photo) -> dict[str, bytes]:
    """Return the members of one image by suffix, after a check of the image header."""
    content = photo.path.read_bytes()
    try:
        Image.open(io.BytesIO(content)).close()
    except Image.DecompressionBombError:
        pass  # the header is valid, the image is just very large
    except OSError as error:
        raise ValueError(
            f"{photo.path} is not an image ({error}). Replace or remove it."
        ) from error
    sample = {photo.path.suffix[1:].lower(): content}
    if photo.label != NO_CLASS:
        sample["cls"] = str(photo.label).encode()
    return sample


def _tar_size(name: str, size: int) -> int:
    """Return the bytes of a member with its header, in blocks of 512."""
    return len(tarfile.TarInfo(name).tobuf()) + -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def _padded(used: int) -> int:
    """Return the bytes of the whole tar: it ends with two empty blocks and full records."""
    return -(-(used + 2 * tarfile.BLOCKSIZE) // tarfile.RECORDSIZE) * tarfile.RECORDSIZE
