"""Readers with one interface for folders, ZIPs and tars, and descriptions of data sets.

The readers return the bytes of a file and write nothing, so an archive with malicious names cannot
write outside the target folder of the caller.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

__all__ = [
    "DatasetSource",
    "FileTree",
    "FolderTree",
    "SourceFormat",
    "TarTree",
    "ZipTree",
    "open_tree",
]

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
# Maximum number of folders above a layout's marker: BCCD_Dataset-master/BCCD/ImageSets/...
MAX_DEPTH = 3
# Bytes; larger members of a tar are read from the archive again instead of kept in memory.
LARGE = 64 << 20
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError)


class FileTree:
    """Files by relative name, with ``/`` between folders."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find_root(self, marker: str) -> str | None:
        """Return the folder that contains the file or folder ``marker``; None if there is none.

        The result is a prefix: empty, or with a final ``/``. It is the shallowest match, at most
        three levels down.
        """
        raise NotImplementedError

    def files(self, folder: str, suffix: str = "") -> list[str]:
        """Return the sorted names of the files directly in ``folder`` that end with ``suffix``."""
        raise NotImplementedError

    def read(self, name: str) -> bytes:
        """Return the content of one file.

        Raises:
            FileNotFoundError: The name does not exist.
            ValueError: The archive is damaged at this file.
        """
        return b"".join(self.blocks(name, LARGE))

    def blocks(self, name: str, size: int) -> Iterator[bytes]:
        """Yield the content of one file in blocks of ``size`` bytes; the last may be shorter.

        Raises:
            FileNotFoundError: The name does not exist.
            ValueError: The archive is damaged at this file.
        """
        raise NotImplementedError

    def size(self, name: str) -> int:
        """Return the size of one file in bytes.

        Raises:
            FileNotFoundError: The name does not exist.
        """
        raise NotImplementedError

    def fingerprint(self) -> str:
        """Return a digest that identifies the source."""
        raise NotImplementedError


class FolderTree(FileTree):
    """A folder on disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._read: dict[str, int] = {}

    def find_root(self, marker: str) -> str | None:
        """Return the folder that contains ``marker``, with one glob per level, up to the third."""
        for depth in range(MAX_DEPTH + 1):
            found = sorted(self.path.glob("*/" * depth + marker))
            if found:
                root = found[0].parents[marker.count("/")].relative_to(self.path).as_posix()
                return "" if root == "." else root + "/"
        return None

    def files(self, folder: str, suffix: str = "") -> list[str]:
        """Return the sorted names in a folder without hidden files."""
        path = self.path / folder
        if not path.is_dir():
            return []
        names = (entry.name for entry in path.iterdir() if entry.is_file() and entry.name[0] != ".")
        prefix = folder.rstrip("/") + "/" if folder else ""
        return sorted(prefix + name for name in names if name.endswith(suffix))

    def blocks(self, name: str, size: int) -> Iterator[bytes]:
        """Yield the content of one file in blocks, and record its size for the fingerprint."""
        self._read[name] = self.size(name)
        with (self.path / name).open("rb") as file:
            while block := file.read(size):
                yield block

    def size(self, name: str) -> int:
        """Return the size of one file in bytes."""
        path = self.path / name
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing")
        return path.stat().st_size

    def fingerprint(self) -> str:
        """Return the SHA-256 of the names and sizes of the files that were read."""
        listing = "".join(f"{name} {size}\n" for name, size in sorted(self._read.items()))
        return "sha256-of-names-and-sizes:" + hashlib.sha256(listing.encode()).hexdigest()


class _Archive(FileTree):
    """A ZIP or tar with known names and sizes of all members."""

    def __init__(self, path: Path, sizes: dict[str, int]) -> None:
        super().__init__(path)
        for name in sizes:
            _refuse_escape(path, name)
        self._folders: dict[str, list[str]] = {}
        for name in sorted(sizes):
            self._folders.setdefault(name.rpartition("/")[0], []).append(name)
        self._sizes = sizes

    def find_root(self, marker: str) -> str | None:
        roots = [
            name[: -len(marker)]
            for name in self._sizes.keys() | self._folders.keys()
            if name == marker or name.endswith("/" + marker)
        ]
        roots = [root for root in roots if root.count("/") <= MAX_DEPTH]
        return min(roots, key=lambda root: (root.count("/"), root), default=None)

    def files(self, folder: str, suffix: str = "") -> list[str]:
        return [name for name in self._folders.get(folder.rstrip("/"), []) if name.endswith(suffix)]

    def blocks(self, name: str, size: int) -> Iterator[bytes]:
        self.size(name)  # raises an error if the name is missing
        try:
            with self._open(name) as file:
                while block := file.read(size):
                    yield block
        except DAMAGE as error:
            raise ValueError(
                f"{self.path} is damaged at {name} ({error}). Download the archive again."
            ) from error

    def size(self, name: str) -> int:
        if name not in self._sizes:
            raise FileNotFoundError(f"{self.path} has no {name}")
        return self._sizes[name]

    def _open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        raise NotImplementedError

    def fingerprint(self) -> str:
        with self.path.open("rb") as file:
            digest = hashlib.sha256()
            while block := file.read(1 << 20):
                digest.update(block)
        return "sha256:" + digest.hexdigest()


class ZipTree(_Archive):
    """A ZIP archive."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, EOFError) as error:
            raise ValueError(
                f"{path} is not a complete ZIP archive ({error}). Download it again."
            ) from error
        members = (member for member in self._zip.infolist() if not member.is_dir())
        super().__init__(path, {member.filename: member.file_size for member in members})

    def _open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        return self._zip.open(name)


class TarTree(_Archive):
    """A tar archive, compressed or not. Links and devices are skipped.

    A compressed tar has no random access. It is read once, and files up to 64 MiB stay in memory.
    Each access to a larger file reads the archive from its start again.
    """

    def __init__(self, path: Path) -> None:
        sizes: dict[str, int] = {}
        self._contents: dict[str, bytes] = {}
        try:
            for name, member, file in _members(path):
                sizes[name] = member.size
                self._contents.pop(name, None)  # the last member of a name wins
                if member.size <= LARGE:
                    self._contents[name] = file.read()
        except DAMAGE as error:
            raise ValueError(
                f"{path} is not a complete tar archive ({error}). Download it again."
            ) from error
        super().__init__(path, sizes)

    @contextmanager
    def _open(self, name: str) -> Iterator[IO[bytes]]:
        if name in self._contents:
            yield io.BytesIO(self._contents[name])
            return
        for found, member, file in _members(self.path):
            if found == name and member.size == self._sizes[name]:
                yield file
                return


def _members(path: Path) -> Iterator[tuple[str, tarfile.TarInfo, IO[bytes]]]:
    """Yield the name, tar header and content of each file in a tar, in the order of the archive."""
    opener: Callable[..., Any] = gzip.open if path.name.endswith("gz") else Path.open
    with opener(path, "rb") as stream:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isreg() else None
                if file is not None:
                    yield member.name.removeprefix("./"), member, file
        while stream.read(1 << 20):  # to the end, where gzip verifies its checksum
            pass


def open_tree(path: Path) -> FileTree:
    """Return the reader of a folder or an archive (``.zip``, ``.tar``, ``.tar.gz``, ``.tgz``).

    Raises:
        FileNotFoundError: ``path`` does not exist.
        ValueError: ``path`` is neither a folder nor a known archive, or the archive is damaged or
            has unsafe names.
    """
    if path.is_dir():
        return FolderTree(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    if path.name.endswith(".zip"):
        return ZipTree(path)
    if path.name.endswith(ARCHIVE_SUFFIXES):
        return TarTree(path)
    raise ValueError(f"{path} is neither a folder nor one of {', '.join(ARCHIVE_SUFFIXES)}")


def _refuse_escape(path: Path, name: str) -> None:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\\" in name or ":" in name:
        raise ValueError(
            f"{path} has the member {name!r}, whose path leaves its folder. Use another archive."
        )


@dataclass(frozen=True)
class SourceFormat:
    """One published format of a data set.

    Attributes:
        title: The name of the format in messages.
        archives: Names of the published archives, tried in this order.
        marker: A file that only this format has, which locates the data.
        convert: Writes the canonical layout. It takes the opened source, the prefix of ``marker``
            and the empty target folder. It returns further entries of ``prepared.json`` (dropped
            boxes, encoding). It raises ``ValueError`` or ``FileNotFoundError`` with the file name.
        md5: Published MD5 of archives, by file name. An archive with another MD5 is an error.
    """

    title: str
    archives: tuple[str, ...]
    marker: str
    convert: Callable[[FileTree, str, Path], dict[str, object]]
    md5: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DatasetSource:
    """A data set that :func:`mmdense.data.sets.prepare.prepare` converts.

    Attributes:
        home: File names and web address of the publisher, for messages.
        counts: Number of images in each split of the complete set.
        count: Returns the number of images in each split of a canonical folder.
        formats: The supported formats; the first match is used.
    """

    home: str
    counts: dict[str, int]
    count: Callable[[Path], dict[str, int]]
    formats: tuple[SourceFormat, ...]
