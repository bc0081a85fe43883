import subprocess
import sys

import pytest

from mmdense.run import find_tool, installed_tools, main


def test_a_script_runs_as_if_started_directly(tmp_path):
    folder = tmp_path / "my tools"
    folder.mkdir()
    (folder / "beside.py").write_text("value = 7\n")
    script = folder / "script.py"
    script.write_text(
        "import sys, mmcv.ops, beside\n"
        "assert __name__ == '__main__' and __file__ == sys.argv[0]\n"
        "print(sys.argv[1:], beside.value)\n"
        "sys.exit(3)\n"
    )
    command = [sys.executable, "-W", "ignore", "-m", "mmdense.run", script, "a b", "--list", "-x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "['a b', '--list', '-x'] 7\n"), done.stderr


@pytest.mark.parametrize(
    "tool",
    [
        "mmdet:analysis_tools/confusion_matrix",
        "mmdet:analysis_tools/get_flops.py",
        "mmdet:analysis_tools/analyze_results",
        "mmpretrain:analysis_tools/get_flops",
        "mmseg:analysis_tools/confusion_matrix",
    ],
)
def test_upstream_tools_start(tool, monkeypatch, capsys):
    assert tool.removesuffix(".py") in installed_tools()
    monkeypatch.setattr(sys, "argv", ["mmdense.run", tool, "--help"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(SystemExit) as stopped:
        main()
    assert not stopped.value.code
    assert "usage:" in capsys.readouterr().out


def test_an_unknown_tool_is_refused_with_those_of_the_same_name(tmp_path, monkeypatch, capsys):
    with pytest.raises(ValueError, match="mmdet:analysis_tools/confusion_matrix or mmpretrain:"):
        find_tool("confusion_matrix")
    monkeypatch.setattr(sys, "argv", ["mmdense.run", str(tmp_path / "absent.py")])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "absent.py" in capsys.readouterr().err
