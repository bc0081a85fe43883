"""Checkpoints that a config names by their address: whole, checked, and fetched once.

A download goes on where it broke off, and stands under its own name only when all of it is there
and its checksum fits. The checksum is ``#sha256=...`` at the end of the address, as pip writes it,
or the first digits of the SHA-256 that torch and OpenMMLab put into file names
(``resnet50-0676ba61.pth``).

Two environment variables help where the publisher cannot be reached:

``MMDENSE_CHECKPOINTS``
    Folders with checkpoints, taken before anything is downloaded (separated as in ``PATH``).
``MMDENSE_MIRRORS``
    Pairs ``beginning=replacement`` of addresses, separated by spaces; mirrors are tried first.
"""

import http.client
import json
import os
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote, urldefrag, urlsplit

import torch
from filelock import FileLock
from mmengine.logging import print_log
from rich.progress import Progress, TaskID

from mmdense.checkpoints.file_sha256 import file_sha256
from mmdense.checkpoints.packaged import PACKAGE, packaged_file

__all__ = ["DownloadError", "fetch_checkpoint", "is_address"]

_TRIES = 3  # of each address
_TIMEOUT = 30.0  # seconds without a byte
_PIECE = 1 << 20
_HASH_IN_NAME = re.compile(r"-(?=[0-9]*[a-f])([0-9a-f]{8,64})\.[a-z.]+$")  # digits alone: a date


class DownloadError(OSError):
    """No address gave the whole file."""


def is_address(checkpoint: str | Path) -> bool:
    """Whether a config or a command line names an address rather than a file."""
    return str(checkpoint).startswith(("http://", "https://", PACKAGE))


def fetch_checkpoint(addresses: str, folder: str | Path | None = None) -> Path:
    """The file behind an address, downloaded unless it is here already.

    Args:
        addresses: One address or several of the same file, separated by spaces; they are tried in
            turn. One of ``package://`` is the file in an installed package.
        folder: Where to keep it; by default that of ``torch.hub``, which other tools share.

    Raises:
        DownloadError: No address gave the file; the message has the reason of each, and says where
            to put the file by hand.
        ValueError: The addresses disagree on the checksum, or name no file, or a file of the user's
            own folders has another checksum.
        FileNotFoundError: The package or its file is not there.
    """
    if addresses.startswith(PACKAGE):
        return packaged_file(addresses)
    wanted = _parse(addresses)
    own = _in_own_folders(wanted)
    if own is not None:
        return own
    folder = Path(folder or Path(torch.hub.get_dir()) / "checkpoints")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / wanted.name
    with FileLock(folder / f".{wanted.name}.lock"):  # one process of a machine downloads
        if path.is_file():
            if wanted.fits(path):
                return path
            print_log(f"{path} has another checksum; downloading it again", "current")
        _download(wanted, path)
    return path


@dataclass(frozen=True)
class _Wanted:
    name: str
    addresses: tuple[str, ...]
    sha256: str | None  # its first digits, or all 64

    def fits(self, path: Path) -> bool:
        return self.sha256 is None or file_sha256(path).startswith(self.sha256)


@dataclass(frozen=True)
class _Part:
    """A download that is under way: ``.NAME.part``, and a note of what it is a part of."""

    path: Path
    note: Path

    @classmethod
    def of(cls, path: Path) -> "_Part":
        return cls(path.with_name(f".{path.name}.part"), path.with_name(f".{path.name}.part.json"))

    def request(self, address: str, checked: bool) -> urllib.request.Request:
        """Ask for what is missing, where the server can tell that it is of the same file."""
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
        raise ValueError(f"{addresses!r} names no file to download")
    in_name = _HASH_IN_NAME.search(name)
    if in_name and not sums:
        sums.add(in_name[1])
    if len(sums) > 1:
        raise ValueError(f"{addresses!r} gives several checksums of one file: {sorted(sums)}")
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
            raise ValueError(f"{path}: its SHA-256 does not begin with {wanted.sha256}")
        return path
    return None


def _download(wanted: _Wanted, path: Path) -> None:
    part, reasons = _Part.of(path), []
    for address in wanted.addresses:
        for _ in range(_TRIES):
            try:
                _continue(address, part, checked=wanted.sha256 is not None)
            except urllib.error.HTTPError as error:
                reasons.append(f"{address}: {error.code} {error.reason}")
                if error.code == 416:  # the part is longer than the file
                    part.drop()
                elif error.code < 500:
                    break  # asking again does not help
            except (OSError, http.client.HTTPException) as error:
                reasons.append(f"{address}: {error or type(error).__name__}")
            else:
                if wanted.fits(part.path):
                    part.path.replace(path)
                    part.drop()
                    return
                reasons.append(f"{address}: its SHA-256 does not begin with {wanted.sha256}")
                part.drop()
    lines = "".join(f"\n  {reason}" for reason in dict.fromkeys(reasons))
    raise DownloadError(
        f"{wanted.name} could not be downloaded:{lines}\nPut the file into {path.parent}, or name "
        "its folder in MMDENSE_CHECKPOINTS"
    )


def _continue(address: str, part: _Part, *, checked: bool) -> None:
    with urllib.request.urlopen(part.request(address, checked), timeout=_TIMEOUT) as answer:
        if answer.headers.get_content_type() == "text/html":
            raise DownloadError("a web page came instead of a file")
        goes_on = answer.status == 206
        there = part.path.stat().st_size if goes_on else 0
        length = answer.headers.get("Content-Length")
        total = there + int(length) if length else None
        size = "unknown size" if total is None else f"{total:,} bytes, {there:,} here"
        print_log(f"downloading {address} ({size})", "current")
        part.remember(address, answer)
        with part.path.open("ab" if goes_on else "wb") as file, Progress(transient=True) as bar:
            task = bar.add_task(part.path.name, total=total, completed=there)
            _copy(answer, file, bar, task)
        if total is not None and part.path.stat().st_size < total:
            raise DownloadError(f"broke off after {part.path.stat().st_size:,} of {total:,} bytes")


def _copy(source: BinaryIO, target: BinaryIO, bar: Progress, task: TaskID) -> None:
    while piece := source.read(_PIECE):
        target.write(piece)
        bar.advance(task, len(piece))
