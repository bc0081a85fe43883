"""Atomic writing of files."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mmengine.fileio import LocalBackend

__all__ = ["AtomicLocalBackend", "atomic_file", "write_atomically"]


@contextmanager
def atomic_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file that replaces ``path`` when it is complete; create the folder.

    Raises:
        OSError: Writing failed. The message shows the free space; an existing file is not changed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(part)):
            raise  # an error of the caller
        free = shutil.disk_usage(path.parent).free
        raise OSError(
            error.errno,
            f"could not write ({error.strerror}; {free:,} bytes are free); "
            "an existing file was not changed",
            str(path),
        ) from error
    finally:
        part.unlink(missing_ok=True)


def write_atomically(content: bytes, path: str | Path) -> None:
    """Write ``content`` to ``path`` by :func:`atomic_file`."""
    with atomic_file(path) as file:
        file.write(content)


class AtomicLocalBackend(LocalBackend):
    """Backend of MMEngine for local files that uses :func:`write_atomically`."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes."""
        write_atomically(bytes(obj), filepath)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = "utf-8") -> None:
        """Write text."""
        write_atomically(obj.encode(encoding), filepath)
