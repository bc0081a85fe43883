"""Read a folder, a ZIP or a tar as the same thing: files by relative name; forms of a data set.

Nothing is unpacked here: a caller asks for the bytes of a name and chooses itself where they go, so
a hostile name in an archive cannot reach outside the folder that the caller writes.
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
# How many folders may stand above a layout's marker: BCCD_Dataset-master/BCCD/ImageSets/...
MAX_DEPTH = 3
# A member of a tar that has more bytes is not kept in memory, but read from the archive again.
LARGE = 64 << 20
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError)


class FileTree:
    """Files by relative name, with ``/`` between folders."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find_root(self, marker: str) -> str | None:
        """Folder that holds the file or folder ``marker``; None if there is none.

        The answer is a prefix, empty or ending in ``/``. The shallowest is taken, at most three
        levels down.
        """
        raise NotImplementedError

    def files(self, folder: str, suffix: str = "") -> list[str]:
        """Sorted names directly in ``folder`` that end with ``suffix``; empty if there is none."""
        raise NotImplementedError

    def read(self, name: str) -> bytes:
        """Content of one file.

        Raises:
            FileNotFoundError: no such name.
            ValueError: the archive is damaged at this file.
        """
        return b"".join(self.blocks(name, LARGE))

    def blocks(self, name: str, size: int) -> Iterator[bytes]:
        """Content of one file in pieces of ``size`` bytes, the last may be shorter.

        Raises:
            FileNotFoundError: no such name.
            ValueError: the archive is damaged at this file.
        """
        raise NotImplementedError

    def size(self, name: str) -> int:
        """Bytes of one file.

        Raises:
            FileNotFoundError: no such name.
        """
        raise NotImplementedError

    def fingerprint(self) -> str:
        """Digest that tells one source from another."""
        raise NotImplementedError


class FolderTree(FileTree):
    """A folder on disk. Its fingerprint covers the names and sizes of the files that were read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._read: dict[str, int] = {}

    def find_root(self, marker: str) -> str | None:
        """Look with one glob a level; nothing below the third level is touched."""
        for depth in range(MAX_DEPTH + 1):
            found = sorted(self.path.glob("*/" * depth + marker))
            if found:
                root = found[0].parents[marker.count("/")].relative_to(self.path).as_posix()
                return "" if root == "." else root + "/"
        return None

    def files(self, folder: str, suffix: str = "") -> list[str]:
        """Sorted names in a folder; hidden files are left out."""
        path = self.path / folder
        if not path.is_dir():
            return []
        names = (entry.name for entry in path.iterdir() if entry.is_file() and entry.name[0] != ".")
        prefix = folder.rstrip("/") + "/" if folder else ""
        return sorted(prefix + name for name in names if name.endswith(suffix))

    def blocks(self, name: str, size: int) -> Iterator[bytes]:
        """Content of one file in pieces, remembered for the fingerprint."""
        self._read[name] = self.size(name)
        with (self.path / name).open("rb") as file:
            while block := file.read(size):
                yield block

    def size(self, name: str) -> int:
        """Bytes of one file."""
        path = self.path / name
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing")
        return path.stat().st_size

    def fingerprint(self) -> str:
        """SHA-256 of the names and sizes of the files that were read."""
        listing = "".join(f"{name} {size}\n" for name, size in sorted(self._read.items()))
        return "sha256-of-names-and-sizes:" + hashlib.sha256(listing.encode()).hexdigest()


class _Archive(FileTree):
    """What ZIP and tar share: all names and sizes are known at once."""

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
        self.size(name)  # says that a name is missing
        try:
            with self._open(name) as file:
                while block := file.read(size):
                    yield block
        except DAMAGE as error:
            raise ValueError(
                f"{self.path} is damaged at {name} ({error}); fetch the archive again"
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
                f"{path} is no complete ZIP archive ({error}); fetch it again"
            ) from error
        members = (member for member in self._zip.infolist() if not member.is_dir())
        super().__init__(path, {member.filename: member.file_size for member in members})

    def _open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        return self._zip.open(name)


class TarTree(_Archive):
    """A tar archive, compressed or not. Links and devices in it are not files and are left out.

    A compressed tar can only be read from its start. It is read once, and files up to 64 MiB are
    kept in memory; a larger one is looked for again, from the start, whenever it is asked for.
    """

    def __init__(self, path: Path) -> None:
        sizes: dict[str, int] = {}
        self._contents: dict[str, bytes] = {}
        try:
            for name, member, file in _members(path):
                sizes[name] = member.size
                self._contents.pop(name, None)  # the last of several of one name counts
                if member.size <= LARGE:
                    self._contents[name] = file.read()
        except DAMAGE as error:
            raise ValueError(
                f"{path} is no complete tar archive ({error}); fetch it again"
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
    """Name, description and content of each file in a tar, in the archive's order."""
    opener: Callable[..., Any] = gzip.open if path.name.endswith("gz") else Path.open
    with opener(path, "rb") as stream:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isreg() else None
                if file is not None:
                    yield member.name.removeprefix("./"), member, file
        while stream.read(1 << 20):  # to the end, where gzip checks its sum
            pass


def open_tree(path: Path) -> FileTree:
    """Open a folder or an archive (``.zip``, ``.tar``, ``.tar.gz``, ``.tgz``).

    Raises:
        FileNotFoundError: nothing at ``path``.
        ValueError: neither a folder nor a known archive, or the archive is damaged or hostile.
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
        raise ValueError(f"{path} holds the name {name!r}, which leaves its folder; it is not used")


@dataclass(frozen=True)
class SourceFormat:
    """One form in which a data set is published.

    Attributes:
        title: How an error message calls it.
        archives: File names under which it is published, tried in this order.
        marker: A file that only this format has; it tells where the data begin.
        convert: Writes the canonical layout. Takes the opened source, the prefix above
            ``marker`` and the empty target folder; returns what ``prepared.json`` lists beside
            the counts (dropped boxes, encoding). Raises ``ValueError`` or ``FileNotFoundError``
            with the name of the file at fault.
        md5: MD5 of those archives whose publisher states it. One that is named so and has another
            is refused.
    """

    title: str
    archives: tuple[str, ...]
    marker: str
    convert: Callable[[FileTree, str, Path], dict[str, object]]
    md5: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DatasetSource:
    """A data set that :func:`mmdense.data.sets.prepare.prepare` can make.

    Attributes:
        home: What the publisher calls the data and where it is, for messages.
        counts: Images in each split when complete.
        count: Counts the images in each split of a canonical folder.
        formats: The forms that are read, the first found is taken.
    """

    home: str
    counts: dict[str, int]
    count: Callable[[Path], dict[str, int]]
    formats: tuple[SourceFormat, ...]
