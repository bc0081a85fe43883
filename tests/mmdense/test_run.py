import subprocess
import sys

import pytest

from mmdense.run import find_tool, installed_tools


def run(*arguments, **options):
    command = [sys.executable, "-W", "ignore", "-m", "mmdense.run", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


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
    done = run(script, "a b", "--list", "-x", cwd=tmp_path)
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
def test_upstream_tools_start(tool):
    assert tool.removesuffix(".py") in installed_tools()
    done = run(tool, "--help")
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout


def test_an_unknown_tool_is_refused_with_those_of_the_same_name(tmp_path):
    with pytest.raises(ValueError, match="mmdet:analysis_tools/confusion_matrix or mmpretrain:"):
        find_tool("confusion_matrix")
    done = run(tmp_path / "absent.py")
    assert done.returncode == 2
    assert "absent.py" in done.stderr
