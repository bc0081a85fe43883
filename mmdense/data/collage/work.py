"""Run many small jobs in several processes, in order, with progress."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import cv2
from rich.progress import track

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_all(
    work: Callable[[Job], Result], jobs: Sequence[Job], *, workers: int, title: str
) -> list[Result]:
    """Apply `work` to every job; the results stand in the order of the jobs.

    On a terminal a bar shows progress, elsewhere a line every tenth of the way. Workers end when
    the calling process does, even if it was killed.

    Args:
        work: A function of a module's top level.
        jobs: Its arguments.
        workers: Number of processes; 1 works in the calling one.
        title: Stands before the progress.
    """
    if workers == 1:
        threads, ipp = cv2.getNumThreads(), cv2.ipp.useIPP()
        _make_opencv_repeatable()
        try:
            return list(_tell(map(work, jobs), len(jobs), title))
        finally:
            cv2.setNumThreads(threads)
            cv2.ipp.setUseIPP(ipp)
    # Forking is quick; elsewhere a fresh interpreter imports what it needs.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin_worker) as pool:
        return list(_tell(pool.map(work, jobs, chunksize=8), len(jobs), title))


def _begin_worker() -> None:
    """Watch the parent, to end with it."""
    _make_opencv_repeatable()
    threading.Thread(target=_follow_parent, daemon=True).start()


def _make_opencv_repeatable() -> None:
    """One thread, and no vendor library that rounds in its own way on some processors."""
    cv2.setNumThreads(0)
    cv2.ipp.setUseIPP(False)


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _tell(results: Iterator[Result], total: int, title: str) -> Iterator[Result]:
    if sys.stdout.isatty():
        yield from track(results, description=title, total=total)
        return
    for done, result in enumerate(results, 1):
        if done == 1 or done * 10 // total > (done - 1) * 10 // total:
            print(f"{title}: {done}/{total} pictures", flush=True)
        yield result
