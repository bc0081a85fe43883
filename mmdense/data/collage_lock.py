"""One maker at a time: a lock on a file that its holder's death releases."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
    import time
else:
    import fcntl


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, waiting for another holder; the file itself stays."""
    with path.open("a+b") as file:
        if sys.platform == "win32":
            while True:
                try:
                    file.seek(0)
                    msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                    break
                except OSError:  # somebody else holds it
                    time.sleep(0.2)
        else:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"{path}: waiting for the process that holds it", flush=True)
                fcntl.flock(file, fcntl.LOCK_EX)
        yield  # closing the file gives the lock back
