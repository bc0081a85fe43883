"""Run a script in a new interpreter, for what depends on the order of imports."""

import subprocess
import sys
import textwrap


def run_script(script: str, *arguments: object) -> str:
    """The output of a script; an assertion error if it fails."""
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
