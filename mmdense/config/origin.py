"""The file of each value of a config, similar to ``git blame``.

MMEngine merges the ``_base_`` chain of a config file by file and keeps no trace of it. Here its
own two functions do the work, reading a file and merging it into its bases, and are watched while
they do; so what is traced is what :meth:`Config.fromfile` returns, with ``_delete_``, ``_base_.x``
and ``{{_base_.x}}``, environment variables and inherited scopes. A value that a file changes inside
its base in place (``_base_.model.depth = 50``) is the base's here.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.config.config import DELETE_KEY

from mmdense.config.options import merge_options, replaced, set_variables
from mmdense.package_files import ROOT

__all__ = ["COMMAND_LINE", "KeyPath", "Origins", "TracedConfig", "is_lazy", "trace"]

COMMAND_LINE = "--cfg-options"

KeyPath = tuple[str | int, ...]


@dataclass
class Origins:
    """Origins of values by their paths of keys; an origin applies to all keys below a path."""

    written: dict[KeyPath, str] = field(default_factory=dict)

    def of(self, path: KeyPath) -> str | None:
        """Return the origin of the value at ``path``; None if unknown."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.written:
                return self.written[path[:end]]
        return None

    def write(self, path: KeyPath, origin: str) -> None:
        """Set the origin of the value at ``path``, and remove all origins below it."""
        for old in [known for known in self.written if known[: len(path)] == path]:
            del self.written[old]
        self.written[path] = origin

    def merge(self, child: Mapping, base: Any, origin: str, path: KeyPath = ()) -> None:
        """Update the origins as MMEngine merges ``child``, written in ``origin``, into a base.

        Keys that are digits reach into a list, which MMEngine allows on the command line.
        """
        for key, value in child.items():
            if isinstance(base, list):
                if isinstance(value, dict) and key.isdigit() and int(key) < len(base):
                    self.merge(value, base[int(key)], origin, (*path, int(key)))
                continue  # anything else is an error that MMEngine raises
            here = (*path, key)
            old = base.get(key) if isinstance(base, Mapping) else None
            goes_on = isinstance(value, dict) and not value.get(DELETE_KEY, False)
            if goes_on and isinstance(old, dict | list):
                self.merge(value, old, origin, here)
            else:
                self.write(here, origin)


@dataclass
class TracedConfig:
    """A config, the origin of its values, and the files of its chain, bases first."""

    config: Config
    origins: Origins
    files: list[str]


def is_lazy(filename: str | Path) -> bool:
    """Return whether a config has MMEngine's pure Python style, which imports its bases."""
    return Config._is_lazy_import(str(filename))


def trace(filename: str | Path, options: Mapping[str, Any] | None = None) -> TracedConfig:
    """Return a config as ``Config.fromfile`` does, without custom imports, with its origins.

    Args:
        filename: the config.
        options: values of ``--cfg-options``, from dotted keys.

    Raises:
        ValueError: The config is of the pure Python style: it has no ``_base_`` chain. Or an option
            has no effect.
    """
    if is_lazy(filename):
        raise ValueError(
            f"{filename} is a config in pure Python: the origin of a value is the module that it "
            "imports it from. Origins are traced through the _base_ files of the other style"
        )
    chain = _Chain()
    reading = staticmethod(partial(chain.reading, Config._file2dict))
    merging = staticmethod(partial(chain.merging, Config._merge_a_into_b))
    with replaced(Config, _file2dict=reading, _merge_a_into_b=merging):
        with set_variables(options or {}):
            config = Config.fromfile(filename, import_custom_modules=False)
        if options:
            with chain.frame(COMMAND_LINE, chain.origins):
                merge_options(config, options)
    return TracedConfig(config, chain.origins, chain.files)


class _Chain:
    """Follows MMEngine through the files: a frame for each file that is being read."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.origins = Origins()  # of the file that is read, then of the last one that was
        self._origin = ""
        self._merged = False  # MMEngine's merge calls itself; only its first call counts

    @contextmanager
    def frame(self, origin: str, begin: Origins | None = None) -> Iterator[None]:
        """Trace merges of a child from ``origin`` into a base with the origins ``begin``."""
        outer = (self.origins, self._origin, self._merged)
        self.origins, self._origin, self._merged = begin or Origins(), origin, False
        try:
            yield
        finally:
            inner = self.origins
            self.origins, self._origin, self._merged = outer
            self.origins.written.update(inner.written)

    def reading(self, read: Callable, filename: str, *args: Any, **kwargs: Any) -> Any:
        """Wrap ``Config._file2dict``."""
        with self.frame(_label(filename)):
            result = read(filename, *args, **kwargs)
            self.files.append(str(Path(filename).expanduser().absolute()))
        return result

    def merging(self, merge: Callable, child: dict, base: Any, *args: Any, **kwargs: Any) -> Any:
        """Wrap ``Config._merge_a_into_b``."""
        if not self._merged:
            self._merged = True
            self.origins.merge(child, base, self._origin)
        return merge(child, base, *args, **kwargs)


def _label(filename: str) -> str:
    """Return ``mmdet::_base_/...`` for a file of a package, else a path from this folder."""
    path = Path(os.path.normpath(Path(filename).expanduser().absolute()))
    if ".mim" in path.parts:
        at = path.parts.index(".mim")
        if path.parts[at + 1 : at + 2] == ("configs",):
            return f"{path.parts[at - 1]}::{'/'.join(path.parts[at + 2 :])}"
    if path.is_relative_to(Path.cwd()):
        return path.relative_to(Path.cwd()).as_posix()
    if path.is_relative_to(ROOT / "configs"):
        return f"mmdense::{path.relative_to(ROOT / 'configs').as_posix()}"
    return path.as_posix()
