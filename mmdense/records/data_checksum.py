"""A checksum of a data set, independent of the location of its files."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

# Files of tools/prepare_data.py and tools/make_collage.py with a hash of the image files.
_NOTES = {"prepared.json": "fingerprint", "collage.json": "sha256"}
_LEVELS = 4  # folders above an image that are searched for these files


def data_checksum(dataset: Any) -> str | None:
    """Return the SHA-256 of the names and annotations of all images, as hexadecimal digits.

    Only the last folder and the name of a path are included. The content of images is included if
    ``tools/prepare_data.py`` or ``tools/make_collage.py`` wrote the data set with its hash.

    Args:
        dataset: Data set of OpenMMLab or mmdense, or a wrapper of one.

    Returns:
        None for a data set that does not list its images, such as a stream of shards.
    """
    if not hasattr(dataset, "get_data_info"):
        return None
    if hasattr(dataset, "full_init"):
        dataset.full_init()
    digest = hashlib.sha256()
    for index in range(len(dataset)):
        entry = dataset.get_data_info(index)
        if index == 0:
            digest.update(_note(entry).encode())
        digest.update(json.dumps(_plain(entry), sort_keys=True).encode())
    return digest.hexdigest()


def _note(entry: Mapping[str, Any]) -> str:
    """Return the hash of the image files of the data set of an image; empty if there is none."""
    path = entry.get("img_path")
    for folder in list(Path(path).parents)[:_LEVELS] if isinstance(path, str) else ():
        for name, key in _NOTES.items():
            if (folder / name).is_file():
                return str(json.loads((folder / name).read_text(encoding="utf-8"))[key])
    return ""


def _plain(value: Any) -> Any:
    """Return a value that JSON can represent."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, str | Path):
        return "/".join(str(value).replace("\\", "/").split("/")[-2:])
    if value is None or isinstance(value, bool | int | float):
        return value
    return repr(value) if isinstance(value, bytes) else type(value).__name__
