"""Folders that are built by one process, and are complete or missing."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["new_folder"]

logger = logging.getLogger(__name__)


@contextmanager
def new_folder(target: Path) -> Iterator[Path | None]:
    """Yield an empty hidden folder that becomes ``target`` at the end; None if that exists.

    One process builds it, and others wait. An error removes it, and so does the next call after the
    process was killed.
    """
    if target.exists():
        yield None
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(target.parent / f".{target.name}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        print(f"{lock.lock_file}: waiting for another process that holds this lock", flush=True)
        lock.acquire()
    try:
        if target.exists():
            yield None
            return
        for stale in target.parent.glob(f".{target.name}.*.part"):
            logger.warning("Removing %s, left by an interrupted run", stale)
            shutil.rmtree(stale)
        part = target.parent / f".{target.name}.{os.getpid()}.part"
        part.mkdir()
        try:
            yield part
            part.rename(target)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    finally:
        lock.release()
