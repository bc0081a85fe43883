import subprocess
import sys
import textwrap

from mmdense.data.file_lock import hold_lock

# Takes the lock without importing the package, whose import takes seconds.
HOLDER = """
import fcntl, sys, time
file = open(sys.argv[1], "a+b")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


def test_the_second_waits_for_the_first(tmp_path, capsys):
    lock = tmp_path / "lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER), lock], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        killer = subprocess.Popen(
            [sys.executable, "-c", f"import os, time; time.sleep(0.5); os.kill({holder.pid}, 9)"]
        )
        with hold_lock(lock):
            assert holder.wait(timeout=60) == -9
        assert "waiting" in capsys.readouterr().out
        killer.wait()
    finally:
        holder.kill()


def test_the_lock_is_released_after_use(tmp_path, capsys):
    for _ in range(2):
        with hold_lock(tmp_path / "lock"):
            pass
    assert "waiting" not in capsys.readouterr().out
