"""Download of checkpoints, and checkpoints in installed packages.

An interrupted download is resumed; that of torch.hub starts again. The file gets its final name
only when it is complete and its checksum is correct. The checksum is
``#sha256=...`` at the end of the URL, as in pip, or the first digits of the SHA-256 that torch and
OpenMMLab put into file names (``resnet50-0676ba61.pth``).

Two environment variables help if the publisher cannot be reached:

``MMDENSE_CHECKPOINTS``
    Folders with checkpoints, searched before anything is downloaded (separated as in ``PATH``).
``MMDENSE_MIRRORS``
    Pairs ``prefix=replacement`` of URLs, separated by spaces; mirrors are tried first.

``package://NAME/PATH`` is the file ``PATH`` in the installed package ``NAME``.
"""

import http.client
import importlib.util
import json
import os
import re
import shutil
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urldefrag, urlsplit

import torch
from filelock import FileLock
from mmengine.logging import print_log
from rich.progress import Progress

from mmdense.checkpoints.file_sha256 import file_sha256

__all__ = ["DownloadError", "fetch_checkpoint", "is_address"]

_PACKAGE = "package://"
_TRIES = 3  # of each URL
_TIMEOUT = 30.0  # seconds without a byte
_PIECE = 1 << 20  # bytes
_HASH_IN_NAME = re.compile(r"-(?=[0-9]*[a-f])([0-9a-f]{8,64})\.[a-z.]+$")  # digits alone: a date


class DownloadError(OSError):
    """No URL returned the complete file."""


def is_address(checkpoint: str | Path) -> bool:
    """Return whether a checkpoint is a URL or the address of a file in a package."""
    return str(checkpoint).startswith(("http://", "https://", _PACKAGE))


def fetch_checkpoint(addresses: str, folder: str | Path | None = None) -> Path:
    """Return the local file of a URL; download it if it is not available.

    Args:
        addresses: One or more URLs of the same file, separated by spaces; they are tried in turn.
            Or the address of a file in a package.
        folder: Folder for the file; by default that of ``torch.hub``, shared with other tools.

    Raises:
        DownloadError: No URL returned the file. The message has the reason for each, and the folder
            for a manual download.
        ValueError: The URLs have different checksums or no file name, or a file in
            ``MMDENSE_CHECKPOINTS`` has another checksum.
        FileNotFoundError: The package is not installed, or has no such file.
    """
    if addresses.startswith(_PACKAGE):
        return _file_in_package(addresses)
    wanted = _parse(addresses)
    own = _in_own_folders(wanted)
    if own is not None:
        return own
    folder = Path(folder or Path(torch.hub.get_dir()) / "checkpoints")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / wanted.name
    with FileLock(folder / f".{wanted.name}.lock"):  # only one process on a machine downloads
        if path.is_file():
            if wanted.fits(path):
                return path
            print_log(f"{path} has a wrong checksum: downloading it again.", "current")
        _download(wanted, path)
    return path


def _file_in_package(address: str) -> Path:
    """The path of a file in a package, without importing the package."""
    name, _, inside = address.removeprefix(_PACKAGE).partition("/")
    found = importlib.util.find_spec(name) if name.isidentifier() else None
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(
            f"{address}: package {name} is not installed; try: pip install {name.replace('_', '-')}"
        )
    for folder in found.submodule_search_locations:
        if inside and (Path(folder) / inside).is_file():
            return Path(folder) / inside
    raise FileNotFoundError(f"{address}: the package {name} has no file {inside!r}")


@dataclass(frozen=True)
class _Wanted:
    name: str
    addresses: tuple[str, ...]
    sha256: str | None  # the first digits, or all 64

    def fits(self, path: Path) -> bool:
        return self.sha256 is None or file_sha256(path).startswith(self.sha256)


@dataclass(frozen=True)
class _Part:
    """An incomplete download ``.NAME.part``, and a JSON file with its URL and version."""

    path: Path

    @property
    def note(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")

    def request(self, address: str, checked: bool) -> urllib.request.Request:
        """Request only the rest if a version or a checksum identifies the file."""
        headers = {"User-Agent": "mmdense"}
        if self.path.is_file() and self.path.stat().st_size:
            before = json.loads(self.note.read_text()) if self.note.is_file() else {}
            version = before.get("version") if before.get("address") == address else None
            if version or checked:
                headers["Range"] = f"bytes={self.path.stat().st_size}-"
            if version:
                headers["If-Range"] = version
        return urllib.request.Request(address, headers=headers)

    def remember(self, address: str, answer: http.client.HTTPResponse) -> None:
        tag = answer.headers.get("ETag", "")
        version = answer.headers.get("Last-Modified") if tag.startswith("W/") or not tag else tag
        self.note.write_text(json.dumps({"address": address, "version": version}))

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def _parse(addresses: str) -> _Wanted:
    plain, sums = [], set()
    for written in addresses.split():
        address, fragment = urldefrag(written)
        plain.append(address)
        key, _, digits = fragment.partition("=")
        if key == "sha256":
            sums.add(digits.lower())
    name = PurePosixPath(unquote(urlsplit(plain[0]).path)).name if plain else ""
    if not name:
        raise ValueError(f"{addresses!r} has no file name")
    in_name = _HASH_IN_NAME.search(name)
    if in_name and not sums:
        sums.add(in_name[1])
    if len(sums) > 1:
        raise ValueError(f"{addresses!r} has several checksums for one file: {sorted(sums)}")
    return _Wanted(name, tuple(_with_mirrors(plain)), sums.pop() if sums else None)


def _with_mirrors(addresses: list[str]) -> list[str]:
    pairs = [pair.partition("=")[::2] for pair in os.environ.get("MMDENSE_MIRRORS", "").split()]
    mirrored = [
        to + address.removeprefix(start)
        for address in addresses
        for start, to in pairs
        if address.startswith(start)
    ]
    return [*mirrored, *addresses]


def _in_own_folders(wanted: _Wanted) -> Path | None:
    for folder in filter(None, os.environ.get("MMDENSE_CHECKPOINTS", "").split(os.pathsep)):
        path = Path(folder).expanduser() / wanted.name
        if not path.is_file():
            continue
        if not wanted.fits(path):
            raise ValueError(f"{path}: its SHA-256 does not start with {wanted.sha256}")
        return path
    return None


def _download(wanted: _Wanted, path: Path) -> None:
    part, reasons = _Part(path.with_name(f".{path.name}.part")), []
    for address in wanted.addresses:
        for _ in range(_TRIES):
            try:
                _continue(address, part, checked=wanted.sha256 is not None)
            except urllib.error.HTTPError as error:
                reasons.append(f"{address}: {error.code} {error.reason}")
                if error.code == 416:  # the part is longer than the file
                    part.drop()
                elif error.code < 500:
                    break  # a retry would fail, too
            except (OSError, http.client.HTTPException) as error:
                reasons.append(f"{address}: {error or type(error).__name__}")
            else:
                if wanted.fits(part.path):
                    part.path.replace(path)
                    part.drop()
                    return
                reasons.append(f"{address}: its SHA-256 does not start with {wanted.sha256}")
                part.drop()
    lines = "".join(f"\n  {reason}" for reason in dict.fromkeys(reasons))
    raise DownloadError(
        f"{wanted.name} could not be downloaded:{lines}\nPut the file into {path.parent}, or add "
        "its folder to MMDENSE_CHECKPOINTS"
    )


def _continue(address: str, part: _Part, *, checked: bool) -> None:
    with urllib.request.urlopen(part.request(address, checked), timeout=_TIMEOUT) as answer:
        if answer.headers.get_content_type() == "text/html":
            raise DownloadError("the server sent a web page instead of a file")
        resumed = answer.status == 206
        there = part.path.stat().st_size if resumed else 0
        length = answer.headers.get("Content-Length")
        total = there + int(length) if length else None
        size = "unknown size" if total is None else f"{total:,} bytes, {there:,} already downloaded"
        print_log(f"Downloading {address} ({size}).", "current")
        part.remember(address, answer)
        with part.path.open("ab" if resumed else "wb") as file, Progress(transient=True) as bar:
            task = bar.add_task(part.path.name, total=total, completed=there)
            shutil.copyfileobj(bar.wrap_file(answer, task_id=task), file, _PIECE)
        if total is not None and part.path.stat().st_size < total:
            raise DownloadError(f"stopped after {part.path.stat().st_size:,} of {total:,} bytes")
