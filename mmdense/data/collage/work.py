"""Parallel jobs with ordered results and a progress report."""

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
    """Return `work(job)` of every job, in the order of the jobs.

    `work` is a function at the top level of a module. One worker is the calling process; others
    exit when it does, even if it is killed. It shows a bar, or lines without a terminal.
    """
    if workers == 1:
        threads, ipp = cv2.getNumThreads(), cv2.ipp.useIPP()
        _make_opencv_repeatable()
        try:
            return list(_show_progress(map(work, jobs), len(jobs), title))
        finally:
            cv2.setNumThreads(threads)
            cv2.ipp.setUseIPP(ipp)
    # fork starts faster than spawn.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin_worker) as pool:
        return list(_show_progress(pool.map(work, jobs, chunksize=8), len(jobs), title))


def _begin_worker() -> None:
    """Set up OpenCV, and exit with the parent process."""
    _make_opencv_repeatable()
    threading.Thread(target=_follow_parent, daemon=True).start()


def _make_opencv_repeatable() -> None:
    """Use one thread and no IPP, whose rounding depends on the processor."""
    cv2.setNumThreads(0)
    cv2.ipp.setUseIPP(False)


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _show_progress(results: Iterator[Result], total: int, title: str) -> Iterator[Result]:
    if sys.stdout.isatty():
        yield from track(results, description=title, total=total)
        return
    for done, result in enumerate(results, 1):
        if done == 1 or done * 10 // total > (done - 1) * 10 // total:
            print(f"{title}: {done}/{total} images", flush=True)
        yield result
