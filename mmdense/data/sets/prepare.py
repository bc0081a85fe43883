"""Make ``<root>/<name>/`` in one canonical layout from whichever format of a data set is at hand.

Nothing is downloaded. Large sets whose publisher's folder the host reads as it is are checked and
linked instead (:mod:`mmdense.data.sets.published_folder`). From a shell: ``tools/prepare_data.py``.
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
# Every name that prepare() knows, with what is published and where.
DATASET_HOMES: dict[str, str] = {
    name: DATASET_SOURCES[name].home if name in DATASET_SOURCES else PUBLISHED_FOLDERS[name].home
    for name in sorted(DATASET_SOURCES.keys() | PUBLISHED_FOLDERS.keys())
}
SOURCES_VARIABLE = "MMDENSE_SOURCES"
RECEIPT = "prepared.json"
LAYOUT_VERSION = 1

logger = logging.getLogger(__name__)


def prepare(name: str, source: Path | None = None, root: Path | str = "data") -> Path:
    """Make a data set ready, or return at once where it is.

    The set is built in a hidden sibling folder and renamed when it is complete, so an interrupted
    call leaves no half set; the receipt ``prepared.json`` says what it was made from.

    Args:
        name: Key of :data:`DATASET_HOMES`.
        source: The archive, a folder that holds it, or the publisher's unpacked folder; for a set
            that is linked, that folder. None takes the folder that the environment variable
            ``MMDENSE_SOURCES`` names.
        root: Folder of all data sets.

    Returns:
        ``<root>/<name>``.

    Raises:
        KeyError: no data set of that name; the message lists the names.
        FileNotFoundError: the source, or a file of it, is missing.
        ValueError: the source is damaged, has another format, another number of images or another
            checksum than the publisher's.
        FileExistsError: the folder is there, but was not made by this function or lost files.
    """
    if name not in DATASET_HOMES:
        raise KeyError(f"no data set {name!r}; there are {', '.join(DATASET_HOMES)}")
    target = Path(root) / name
    if name in PUBLISHED_FOLDERS:
        return link_published(name, target, lambda: _source_path(name, source))
    spec = DATASET_SOURCES[name]
    if target.exists():
        _check_prepared(spec, target)
        return target

    form, tree, prefix = _locate(name, spec, _source_path(name, source))
    _check_sum(form, tree.path, spec.home)
    logger.info("preparing %s from %s (%s)", target, tree.path, form.title)
    building = target.with_name(f".{name}-{uuid.uuid4().hex[:8]}")
    building.mkdir(parents=True)
    try:
        notes = form.convert(tree, prefix, building)
        counts = spec.count(building)
        if counts != spec.counts:
            raise ValueError(
                f"{tree.path} gives {_in_words(counts)} images for {name}, "
                f"complete it has {_in_words(spec.counts)}; fetch {spec.home} again"
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
        _check_prepared(spec, target)  # another process was faster


def _check_prepared(spec: DatasetSource, target: Path) -> None:
    advice = "move the folder away and prepare the data set again"
    receipt = target / RECEIPT
    if not receipt.is_file():
        raise FileExistsError(f"{target} has no {RECEIPT}, so it is not ours to use; {advice}")
    version = json.loads(receipt.read_text())["layout_version"]
    if version != LAYOUT_VERSION:
        raise FileExistsError(
            f"{target} has layout {version}, needed is {LAYOUT_VERSION}; {advice}"
        )
    counts = spec.count(target)
    if counts != spec.counts:
        raise FileExistsError(
            f"{target} holds {_in_words(counts)} images of {_in_words(spec.counts)}; {advice}"
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
            f"{path} has the MD5 {digest.hexdigest()}, the publisher's has {expected}; fetch it "
            f"again ({home}) or, if you packed it anew, pass the unpacked folder"
        )


def _source_path(name: str, source: Path | None) -> Path:
    home = DATASET_HOMES[name]
    if source is not None:
        path = Path(source).expanduser()
    elif os.environ.get(SOURCES_VARIABLE):
        path = Path(os.environ[SOURCES_VARIABLE]).expanduser()
    else:
        raise FileNotFoundError(
            f"{name} is not prepared and no source is given: pass the folder or archive of "
            f"{home}, or set {SOURCES_VARIABLE} to the folder that holds it"
        )
    if not path.exists():
        raise FileNotFoundError(f"source of {name}: {path} does not exist; pass {home}")
    return path


def _locate(name: str, spec: DatasetSource, path: Path) -> tuple[SourceFormat, FileTree, str]:
    """Find which format lies at ``path``, and the prefix where it begins."""
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
        f"{form.title} ({' or '.join((*form.archives, 'unpacked'))}, with {form.marker} in it)"
        for form in spec.formats
    )
    raise FileNotFoundError(
        f"{path} holds no form of {name} that is read here: {known}. Published are {spec.home}"
    )


def _in_words(counts: dict[str, int]) -> str:
    return ", ".join(f"{split} {n}" for split, n in counts.items())
