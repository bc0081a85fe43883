import os

import cv2
import pytest

from mmdense.data.collage.work import run_all


def square(number):
    return number * number


def process_and_threads(number):
    return os.getpid(), cv2.getNumThreads(), cv2.ipp.useIPP()


def fail_at_seven(number):
    if number == 7:
        raise RuntimeError("seven is not drawn")
    return number


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_are_in_the_order_of_the_jobs(workers):
    jobs = list(range(50))
    assert run_all(square, jobs, workers=workers, title="squares") == [n * n for n in jobs]


@pytest.mark.parametrize("workers", [1, 2])
def test_opencv_settings_are_deterministic_during_and_restored_after(workers):
    before = (cv2.getNumThreads(), cv2.ipp.useIPP())
    seen = run_all(process_and_threads, range(40), workers=workers, title="threads")
    assert {(threads, ipp) for _, threads, ipp in seen} == {(1, False)}
    assert (os.getpid() in {pid for pid, _, _ in seen}) == (workers == 1)
    assert (cv2.getNumThreads(), cv2.ipp.useIPP()) == before


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_job_is_raised(workers):
    with pytest.raises(RuntimeError, match="seven is not drawn"):
        run_all(fail_at_seven, range(20), workers=workers, title="numbers")


def test_progress_is_plain_lines_without_a_terminal(capsys):
    run_all(square, range(40), workers=1, title="squares")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("squares: 1/40 ")
    assert lines[-1].startswith("squares: 40/40 ")
    assert len(lines) == 11
