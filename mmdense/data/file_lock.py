"""A file lock that is released when its process ends, even if it is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["hold_lock"]


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; print a line if another process holds it."""
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        print(f"{path}: waiting for another process that holds this lock", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
