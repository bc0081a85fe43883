import os

import cv2
import pytest

from mmdense.data.collage.work import run_all


def process_and_threads(number):
    return number, os.getpid(), cv2.getNumThreads(), cv2.ipp.useIPP()


def fail_at_seven(number):
    if number == 7:
        raise RuntimeError("seven is not drawn")
    return number


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_ordered_and_opencv_settings_are_deterministic_and_restored(workers):
    before = (cv2.getNumThreads(), cv2.ipp.useIPP())
    seen = run_all(process_and_threads, range(40), workers=workers, title="threads")
    assert [number for number, *_ in seen] == list(range(40))
    assert {(threads, ipp) for *_, threads, ipp in seen} == {(1, False)}
    assert (os.getpid() in {pid for _, pid, *_ in seen}) == (workers == 1)
    assert (cv2.getNumThreads(), cv2.ipp.useIPP()) == before
    with pytest.raises(RuntimeError, match="seven is not drawn"):
        run_all(fail_at_seven, range(20), workers=workers, title="numbers")


def test_progress_is_plain_lines_without_a_terminal(capsys):
    run_all(abs, range(40), workers=1, title="numbers")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("numbers: 1/40 ")
    assert lines[-1].startswith("numbers: 40/40 ")
    assert len(lines) == 11
