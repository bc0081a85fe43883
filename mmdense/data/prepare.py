"""Make ``<root>/<name>/`` in one canonical layout from whichever format of a data set is at hand.

Nothing is downloaded. From a shell: ``python -m mmdense.data.prepare bccd --source ~/downloads``.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import uuid
from pathlib import Path

from mmdense.data import bccd, camvid, cifar, natural1k
from mmdense.data.archive import FileTree, FolderTree, open_tree
from mmdense.data.source_format import DatasetSource, SourceFormat

__all__ = ["DATASET_SOURCES", "prepare"]

DATASET_SOURCES: dict[str, DatasetSource] = {
    "bccd": bccd.SOURCE,
    "camvid": camvid.SOURCE,
    "cifar10": cifar.CIFAR10_SOURCE,
    "cifar100": cifar.CIFAR100_SOURCE,
    "natural1k": natural1k.SOURCE,
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
        name: Key of :data:`DATASET_SOURCES`.
        source: The archive, a folder that holds it, or the publisher's unpacked folder. None takes
            the folder that the environment variable ``MMDENSE_SOURCES`` names.
        root: Folder of all data sets.

    Returns:
        ``<root>/<name>``.

    Raises:
        KeyError: no data set of that name; the message lists the names.
        FileNotFoundError: the source, or a file of it, is missing.
        ValueError: the source is damaged, has another format or another number of images.
        FileExistsError: the folder is there, but was not made by this function or lost files.
    """
    if name not in DATASET_SOURCES:
        raise KeyError(f"no data set {name!r}; there are {', '.join(sorted(DATASET_SOURCES))}")
    spec = DATASET_SOURCES[name]
    target = Path(root) / name
    if target.exists():
        _check_prepared(spec, target)
        return target

    form, tree, prefix = _locate(name, spec, _source_path(name, spec, source))
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


def _source_path(name: str, spec: DatasetSource, source: Path | None) -> Path:
    if source is not None:
        path = Path(source).expanduser()
    elif os.environ.get(SOURCES_VARIABLE):
        path = Path(os.environ[SOURCES_VARIABLE]).expanduser()
    else:
        raise FileNotFoundError(
            f"{name} is not prepared and no source is given: pass the folder or archive of "
            f"{spec.home}, or set {SOURCES_VARIABLE} to the folder that holds it"
        )
    if not path.exists():
        raise FileNotFoundError(f"source of {name}: {path} does not exist; pass {spec.home}")
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
    raise FileNotFoundError(f"{path} holds no form of {name} that is read here: {known}")


def _in_words(counts: dict[str, int]) -> str:
    return ", ".join(f"{split} {n}" for split, n in counts.items())


def main() -> None:
    """Command line of :func:`prepare`."""
    parser = argparse.ArgumentParser(description="Prepare data sets from downloaded archives.")
    parser.add_argument("names", nargs="+", choices=sorted(DATASET_SOURCES), metavar="name")
    parser.add_argument("--source", type=Path, help=f"archive or folder (or ${SOURCES_VARIABLE})")
    parser.add_argument("--root", type=Path, default=Path("data"))
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in arguments.names:
        print(prepare(name, arguments.source, arguments.root))


if __name__ == "__main__":
    main()
