"""The command `mmdense`; .ci/try_wheel tries it in an installed wheel."""

import subprocess
import sys
from pathlib import Path

import pytest

from mmdense import command

ROOT = Path(__file__).resolve().parents[2]
TOOLS = {file.stem for file in (ROOT / "tools").iterdir() if file.suffix in (".py", ".sh")}


def start(*words):
    """Start the command; the last line of the error output lists the modules that it imported."""
    code = (
        "import atexit, sys; sys.orig_argv[1:] = ['mmdense']; from mmdense.command import main;"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr)); sys.exit(main())"
    )
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_help_lists_every_tool_and_imports_little():
    done = start("--help")
    assert done.returncode == 0, done.stderr
    usage, _, tasks = done.stdout.partition("\n\nData\n")
    assert "--where" in usage
    listed = {line.split()[0] for line in tasks.splitlines() if line.startswith("  ")}
    assert listed == {*TOOLS, "doctor", "run"} - {"slurm_train"}
    assert not {"torch", "mmengine", "numpy"} & set(done.stderr.splitlines()[-1].split())


def test_an_unknown_tool_is_refused_with_the_nearest():
    done = start("trani")
    assert done.returncode == 2
    assert "trani. Did you mean train?" in done.stderr


@pytest.mark.parametrize(
    ("words", "started", "usage"),
    [
        (["train", "a.py", "--amp"], [f"{ROOT}/tools/train.py", "a.py", "--amp"], "mmdense train"),
        (["print-config"], [f"{ROOT}/tools/print_config.py"], "mmdense print_config"),
        (["doctor"], ["-m", "mmdense.doctor"], "mmdense doctor"),
        (["dist_train", "a.py", "2"], ["bash", f"{ROOT}/tools/dist_train.sh", "a.py", "2"], None),
    ],
)
def test_the_command_becomes_the_tool(monkeypatch, words, started, usage):
    class Became(Exception):
        pass

    def become(program, arguments):
        raise Became(arguments)

    monkeypatch.setattr(command.os, "execv", become)
    monkeypatch.setattr(command.os, "execvp", become)
    monkeypatch.setattr(command.os, "environ", {})
    monkeypatch.setattr(sys, "argv", ["mmdense", *words])
    with pytest.raises(Became) as became:
        command.main()
    python = [] if started[0] == "bash" else [sys.executable]
    assert became.value.args[0] == [*python, *started]
    assert command.os.environ["PYTHON"] == sys.executable
    assert command.os.environ.get("MMDENSE_COMMAND") == usage
