"""Atomic writing of files."""

import os
import shutil
from pathlib import Path

from mmengine.fileio import LocalBackend

__all__ = ["AtomicLocalBackend", "write_atomically"]


def write_atomically(content: bytes, path: str | Path) -> None:
    """Write ``content`` to ``path``; an existing file is replaced only after all of it is written.

    Raises:
        OSError: Writing failed. The message shows the free space; an existing file is not changed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        free = shutil.disk_usage(path.parent).free
        raise OSError(
            error.errno,
            f"could not write {len(content):,} bytes ({error.strerror}; {free:,} bytes are free); "
            "an existing file was not changed",
            str(path),
        ) from error
    finally:
        part.unlink(missing_ok=True)


class AtomicLocalBackend(LocalBackend):
    """Backend of MMEngine for local files that uses :func:`write_atomically`."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes."""
        write_atomically(bytes(obj), filepath)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = "utf-8") -> None:
        """Write text."""
        write_atomically(obj.encode(encoding), filepath)
