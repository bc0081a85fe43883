"""Conversion of any published format of a data set to one canonical layout, ``<root>/<name>/``.

Nothing is downloaded. Large sets that upstream reads in the published layout are checked and linked
instead (:mod:`mmdense.data.sets.published_folder`). The command is ``tools/prepare_data.py``.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path

from torchvision.datasets.utils import calculate_md5

from mmdense.checkpoints.file_sha256 import file_sha256
from mmdense.data.new_folder import new_folder
from mmdense.data.sets import bccd, camvid, cifar, natural1k, stl10, tiny_imagenet
from mmdense.data.sets.published_folder import PUBLISHED_FOLDERS, link_published
from mmdense.data.sets.source import DatasetSource, SourceFormat, find_root

__all__ = ["DATASET_HOMES", "DATASET_SOURCES", "prepare"]

DATASET_SOURCES: dict[str, DatasetSource] = {
    "bccd": bccd.SOURCE,
    "camvid": camvid.SOURCE,
    "cifar10": cifar.CIFAR10_SOURCE,
    "cifar100": cifar.CIFAR100_SOURCE,
    "natural1k": natural1k.SOURCE,
    "stl10": stl10.SOURCE,
    "tiny_imagenet": tiny_imagenet.SOURCE,
}
# Every data set of prepare(), with its published files and web address.
DATASET_HOMES: dict[str, str] = {
    name: DATASET_SOURCES[name].home if name in DATASET_SOURCES else PUBLISHED_FOLDERS[name].home
    for name in sorted(DATASET_SOURCES.keys() | PUBLISHED_FOLDERS.keys())
}
SOURCES_VARIABLE = "MMDENSE_SOURCES"
RECEIPT = "prepared.json"
LAYOUT_VERSION = 1

logger = logging.getLogger(__name__)


def prepare(name: str, source: Path | None = None, root: Path | str = "data") -> Path:
    """Return the folder of a data set, and convert or link the set if it is missing.

    An interrupted call leaves no partial set. ``prepared.json`` records the source.

    Args:
        name: Key of :data:`DATASET_HOMES`.
        source: The archive, a folder that contains it, or the unpacked folder; a set that is linked
            needs the unpacked folder. None uses the folder in the environment variable
            ``MMDENSE_SOURCES``.
        root: Folder of all data sets.

    Raises:
        KeyError: The name is unknown; the message lists the names.
        FileNotFoundError: The source, or a file in it, is missing.
        ValueError: The source is damaged, or its format, number of images or checksum differs from
            the published ones.
        FileExistsError: The folder exists, but is incomplete or not from this function.
    """
    if name not in DATASET_HOMES:
        raise KeyError(f"unknown data set {name!r}: use one of {', '.join(DATASET_HOMES)}")
    target = Path(root) / name
    if name in PUBLISHED_FOLDERS:
        return link_published(name, target, lambda: _source_path(name, source))
    spec = DATASET_SOURCES[name]
    with new_folder(target) as building:
        if building is None:
            _check_prepared(spec, target)
            return target
        path = _find_archive(spec, _source_path(name, source))
        unpacked = building / ".source"
        try:
            receipt = _convert(name, spec, path, unpacked, building)
        except (FileNotFoundError, ValueError) as error:
            kind = FileNotFoundError if isinstance(error, FileNotFoundError) else ValueError
            text = str(error).replace(f"{unpacked}/", "").replace(f"{path}/", "")
            raise kind(f"{path}: {text}") from error
        shutil.rmtree(unpacked, ignore_errors=True)
        (building / RECEIPT).write_text(json.dumps(receipt, indent=1) + "\n")
    return target


def _convert(
    name: str, spec: DatasetSource, path: Path, unpacked: Path, building: Path
) -> dict[str, object]:
    """Write the canonical layout of a folder or archive, and return the receipt."""
    if path.is_file():
        _check_sum(spec, path)
        _unpack(path, unpacked)
    form, root = _locate(name, spec, unpacked if path.is_file() else path)
    logger.info("Preparing %s from %s (%s)", name, path, form.title)
    notes = form.convert(root, building)
    counts = spec.count(building)
    if counts != spec.counts:
        raise ValueError(
            f"it has {_in_words(counts)} images of {name}, but the complete set has "
            f"{_in_words(spec.counts)}. Download {spec.home} again."
        )
    return {
        "layout_version": LAYOUT_VERSION,
        "name": name,
        "counts": counts,
        "format": form.title,
        "source": path.name,
        "fingerprint": _fingerprint(path, root),
        **notes,
    }


def _unpack(path: Path, folder: Path) -> None:
    """Unpack an archive; no member leaves ``folder``."""
    try:
        # "data" refuses unsafe members of a tar; those of a ZIP are always skipped.
        shutil.unpack_archive(path, folder, filter=None if path.suffix == ".zip" else "data")
    except (shutil.ReadError, zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
        raise ValueError(f"not a complete archive ({error}). Download it again.") from error


def _fingerprint(path: Path, root: Path) -> str:
    """Return the SHA-256 of an archive, or of the names and sizes of all files in a folder."""
    if path.is_file():
        return f"sha256:{file_sha256(path)}"
    files = sorted(file for file in root.rglob("[!.]*") if file.is_file())
    listing = "".join(f"{file.relative_to(root)} {file.stat().st_size}\n" for file in files)
    return "sha256-of-names-and-sizes:" + hashlib.sha256(listing.encode()).hexdigest()


def _check_prepared(spec: DatasetSource, target: Path) -> None:
    advice = "Move the folder away and prepare the data set again."
    receipt = target / RECEIPT
    if not receipt.is_file():
        raise FileExistsError(f"{target} has no {RECEIPT}, so mmdense did not create it. {advice}")
    version = json.loads(receipt.read_text())["layout_version"]
    if version != LAYOUT_VERSION:
        raise FileExistsError(
            f"{target} has layout version {version}, not {LAYOUT_VERSION}. {advice}"
        )
    counts = spec.count(target)
    if counts != spec.counts:
        raise FileExistsError(
            f"{target} has {_in_words(counts)} images of {_in_words(spec.counts)}. {advice}"
        )


def _check_sum(spec: DatasetSource, path: Path) -> None:
    sums = {file: md5 for form in spec.formats for file, md5 in form.archives.items()}
    expected = sums.get(path.name)
    if expected is not None and (found := calculate_md5(path)) != expected:
        raise ValueError(
            f"it has the MD5 {found}, but the published one is {expected}. Download it again "
            f"({spec.home}). If you packed it yourself, pass the unpacked folder."
        )


def _source_path(name: str, source: Path | None) -> Path:
    home = DATASET_HOMES[name]
    if source is not None:
        path = Path(source).expanduser()
    elif os.environ.get(SOURCES_VARIABLE):
        path = Path(os.environ[SOURCES_VARIABLE]).expanduser()
    else:
        raise FileNotFoundError(
            f"{name} is not prepared, and no source is given. Pass the folder or archive of "
            f"{home}, or set {SOURCES_VARIABLE} to the folder that contains it."
        )
    if not path.exists():
        raise FileNotFoundError(f"source of {name}: {path} does not exist. Pass {home}.")
    return path


def _find_archive(spec: DatasetSource, path: Path) -> Path:
    """Return the first published archive in a folder, or ``path`` if there is none."""
    archives = (path / file for form in spec.formats for file in form.archives)
    return next((archive for archive in archives if archive.is_file()), path)


def _locate(name: str, spec: DatasetSource, path: Path) -> tuple[SourceFormat, Path]:
    """Return the format of the data in a folder, and the folder of its marker."""
    for form in spec.formats:
        root = find_root(path, form.marker)
        if root is not None:
            return form, root
    known = "; ".join(
        f"{form.title} ({' or '.join((*form.archives, 'unpacked'))}, contains {form.marker})"
        for form in spec.formats
    )
    raise FileNotFoundError(
        f"no supported format of {name}. Supported: {known}. Published: {spec.home}"
    )


def _in_words(counts: dict[str, int]) -> str:
    return ", ".join(f"{split} {n}" for split, n in counts.items())
