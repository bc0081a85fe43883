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
import uuid
from pathlib import Path

from mmdense.data.sets import bccd, camvid, cifar, natural1k, stl10, tiny_imagenet
from mmdense.data.sets.archive import DatasetSource, FileTree, FolderTree, SourceFormat, open_tree
from mmdense.data.sets.published_folder import PUBLISHED_FOLDERS, link_published

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

    The set is built in a hidden folder, which is renamed at the end, so an interrupted call leaves
    no partial set. ``prepared.json`` records the source.

    Args:
        name: Key of :data:`DATASET_HOMES`.
        source: The archive, a folder that contains it, or the unpacked folder; a set that is linked
            needs the unpacked folder. None uses the folder in the environment variable
            ``MMDENSE_SOURCES``.
        root: Folder of all data sets.

    Returns:
        ``<root>/<name>``.

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
    if target.exists():
        _check_prepared(spec, target)
        return target

    form, tree, prefix = _locate(name, spec, _source_path(name, source))
    _check_sum(form, tree.path, spec.home)
    logger.info("Preparing %s from %s (%s)", target, tree.path, form.title)
    building = target.with_name(f".{name}-{uuid.uuid4().hex[:8]}")
    building.mkdir(parents=True)
    try:
        notes = form.convert(tree, prefix, building)
        counts = spec.count(building)
        if counts != spec.counts:
            raise ValueError(
                f"{tree.path} has {_in_words(counts)} images of {name}, but the complete set has "
                f"{_in_words(spec.counts)}. Download {spec.home} again."
            )
        receipt = {
            "layout_version": LAYOUT_VERSION,
            "name": name,
            "counts": counts,
            "format": form.title,
            "source": tree.path.name,
            "fingerprint": tree.fingerprint(),
            **notes,
        }
        (building / RECEIPT).write_text(json.dumps(receipt, indent=1) + "\n")
        _rename(spec, building, target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target


def _rename(spec: DatasetSource, building: Path, target: Path) -> None:
    try:
        building.replace(target)
    except OSError:
        if not target.exists():
            raise
        _check_prepared(spec, target)  # another process has finished first


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


def _check_sum(form: SourceFormat, path: Path, home: str) -> None:
    expected = form.md5.get(path.name) if path.is_file() else None
    if expected is None:
        return
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != expected:
        raise ValueError(
            f"{path} has the MD5 {digest.hexdigest()}, but the published one is {expected}. "
            f"Download it again ({home}). If you packed it yourself, pass the unpacked folder."
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


def _locate(name: str, spec: DatasetSource, path: Path) -> tuple[SourceFormat, FileTree, str]:
    """Return the format of the data at ``path``, its reader and the prefix of the data."""
    trees: list[FileTree] = []
    if path.is_file():
        trees.append(open_tree(path))
    else:
        archives = [path / file for form in spec.formats for file in form.archives]
        trees.extend(open_tree(archive) for archive in archives if archive.is_file())
        trees.append(FolderTree(path))
    for tree in trees:
        for form in spec.formats:
            prefix = tree.find_root(form.marker)
            if prefix is not None:
                return form, tree, prefix
    known = "; ".join(
        f"{form.title} ({' or '.join((*form.archives, 'unpacked'))}, contains {form.marker})"
        for form in spec.formats
    )
    raise FileNotFoundError(
        f"{path} has no supported format of {name}. Supported: {known}. Published: {spec.home}"
    )


def _in_words(counts: dict[str, int]) -> str:
    return ", ".join(f"{split} {n}" for split, n in counts.items())
