"""The tools as a person starts them."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = sorted((ROOT / "tools").glob("*.py"))


def start(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / tool), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", TOOLS, ids=lambda path: path.stem)
def test_every_tool_explains_itself(path):
    done = start(path.name, "--help")
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("train.py", ["absent.py"], "there is no config file absent.py"),
        ("test.py", ["absent.py", "x.pth"], "there is no config file absent.py"),
        ("pipeline.py", ["absent.py"], "there is no pipeline config absent.py"),
    ],
)
def test_a_wrong_argument_is_named_without_a_traceback(tool, arguments, message):
    done = start(tool, *arguments)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr
