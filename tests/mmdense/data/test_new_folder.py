import multiprocessing
import threading

import pytest

from mmdense.data.new_folder import new_folder


def test_an_error_or_an_interruption_leaves_no_folder(tmp_path):
    for error in (OSError, KeyboardInterrupt):
        with pytest.raises(error), new_folder(tmp_path / "data" / "set") as part:
            (part / "a.txt").write_text("a")
            raise error
    assert [path.name for path in (tmp_path / "data").iterdir()] == [".set.lock"]


def hold(target, held, go):
    """Build a folder after a sign, or be killed while the lock is held."""
    with new_folder(target) as part:
        (part / "a.txt").write_text("a")
        held.set()
        go.wait(60)


@pytest.mark.parametrize("killed", [False, True])
def test_one_process_builds_while_others_wait(killed, tmp_path, capsys):
    fork = multiprocessing.get_context("fork")
    held, go = fork.Event(), fork.Event()
    builder = fork.Process(target=hold, args=(tmp_path / "set", held, go))
    builder.start()
    assert held.wait(60)
    end = builder.kill if killed else go.set
    timer = threading.Timer(0.3, end)
    timer.start()
    with new_folder(tmp_path / "set") as part:
        assert (part is not None) == killed
        assert len(list(tmp_path.glob(".set.*.part"))) == killed  # that of the killed one is gone
    assert "waiting" in capsys.readouterr().out
    builder.join()
    timer.join()
    assert [path.name for path in (tmp_path / "set").iterdir()] == ([] if killed else ["a.txt"])
    with new_folder(tmp_path / "set") as part:
        assert part is None
