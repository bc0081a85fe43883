"""Runs Python code in a process of its own, which sees the same packages and may fail."""

import os
import subprocess
import sys

__all__ = ["run_python"]


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` with this process's module path, away from the current folder."""
    path = [entry for entry in sys.path if entry]
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        cwd=os.path.sep,
        capture_output=True,
        text=True,
        check=False,
    )
