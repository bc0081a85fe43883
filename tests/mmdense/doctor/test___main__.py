"""The doctor as a person starts it, where `import mmdense` would fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmdense.doctor import __main__ as doctor
from mmdense.doctor.finding import Finding

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(("serious", "status"), [(True, 1), (False, 0)])
def test_the_exit_status_says_whether_something_has_to_be_done(
    monkeypatch, capsys, serious, status
):
    monkeypatch.setattr(sys, "argv", ["doctor"])
    monkeypatch.setattr(doctor, "overview", lambda: [("Versions", [("a", "b")])])
    found = [Finding("a title", "seen", "advice", serious)]
    monkeypatch.setattr(doctor, "run_checks", lambda: found)
    assert doctor.main() == status
    assert "a title" in capsys.readouterr().out


def test_it_runs_beside_packages_that_cannot_be_imported(tmp_path):
    for name in ("torch", "mmengine", "cv2", "mmcv", "pycocotools", "torchvision"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('undefined symbol: _ZN3c10')\n")
    done = subprocess.run(
        [sys.executable, "-m", "mmdense.doctor"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "a package cannot be imported" in done.stdout
    assert "unknown       ImportError: undefined symbol: _ZN3c10" in done.stdout
