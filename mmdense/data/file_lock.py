"""One maker at a time: a lock on a file that its holder's death releases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["hold_lock"]


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; says so when it has to wait for another holder."""
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        print(f"{path}: waiting for the process that holds it", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
