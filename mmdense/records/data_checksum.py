"""A checksum over what a data set holds, equal wherever its files lie."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["data_checksum"]

# Left by tools/prepare_data.py and tools/make_collage.py: a hash over the files themselves.
_NOTES = {"prepared.json": "fingerprint", "collage.json": "sha256"}
_LEVELS = 4  # folders above an image in which such a note is looked for


def data_checksum(dataset: Any) -> str | None:
    """SHA-256 over the names and annotations of all images, as hexadecimal digits.

    Of a path only the last folder and the name count. The images themselves count where the data
    set was made by ``tools/prepare_data.py``, which leaves a hash of what it read.

    Args:
        dataset: of a host or of ours, or a wrapper of one.

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
    """What the data set of an image says of its files; nothing where it says nothing."""
    path = entry.get("img_path")
    for folder in list(Path(path).parents)[:_LEVELS] if isinstance(path, str) else ():
        for name, key in _NOTES.items():
            if (folder / name).is_file():
                return str(json.loads((folder / name).read_text(encoding="utf-8"))[key])
    return ""


def _plain(value: Any) -> Any:
    """A value as JSON can hold it."""
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
