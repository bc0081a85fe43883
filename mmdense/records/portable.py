"""A config without paths of the machine, and its hash.

Two machines with the same config write the same text, without absolute paths.
"""

import functools
import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmdense.package_files import ROOT  # the tools are here, wherever they are called from
from mmdense.records.environment import repository_root

# These keys do not change the result of a run, so they are not part of the hash.
_NOT_HASHED = ("work_dir", "resume", "launcher", "expected", "_record", "_paper")


def config_hash(config: Mapping) -> str:
    """Return the SHA-256 of a config, as hexadecimal digits.

    It does not depend on the order of keys or the location of the repository, nor on the top-level
    keys ``work_dir``, ``resume``, ``launcher``, ``expected`` and its ``_record`` and ``_paper``.
    """
    plain = {key: value for key, value in portable_config(config).items() if key not in _NOT_HASHED}
    canonical = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def portable_config(config: Mapping) -> dict[str, Any]:
    """Return a config that JSON can represent, with paths as in :func:`portable_path`.

    Tuples become lists, classes and functions become their full names, infinity becomes ``'inf'``.

    Raises:
        TypeError: A value cannot be converted; the message names its key.
    """
    plain = config.to_dict() if hasattr(config, "to_dict") else dict(config)
    return _plain(plain, "config")


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry, f"{where}.{key}") for key, entry in value.items()}
    if isinstance(value, set | frozenset):
        value = sorted(value)
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple | range):
        return [_plain(entry, f"{where}[{i}]") for i, entry in enumerate(value)]
    if isinstance(value, str | Path):
        return portable_path(str(value))
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # infinity is valid in a config, but not in JSON
    if value is None or isinstance(value, bool | int | float):
        return value
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    raise TypeError(f"{where}: a {type(value).__name__} is not supported in a config")


def portable_path(text: str) -> str:
    """Return ``text`` with a path relative to the repository, or ``<outside>/<name>``.

    The path may be the whole text or follow ``=``, as in ``--work-dir=/some/where``.
    """
    option, equals, value = text.partition("=")
    before, path = ("", text) if _leaves_here(text) else (option + equals, value)
    if not _leaves_here(path):
        return text
    absolute = Path(os.path.normpath(Path(path).expanduser().absolute()))
    for base in (_root(Path.cwd()), Path.cwd(), ROOT):
        if absolute.is_relative_to(base):
            return before + absolute.relative_to(base).as_posix()
    return f"{before}<outside>/{absolute.name}"


def _leaves_here(text: str) -> bool:
    return text.startswith(("/", "~/", "../"))


@functools.cache
def _root(folder: Path) -> Path:
    return repository_root(folder) or folder
