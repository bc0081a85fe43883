"""The doctor as a whole: all checks, the report, and a start where `import mmdense` would fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmdense.doctor import __main__ as doctor
from mmdense.doctor import imports, installation
from mmdense.doctor.report import Problem, print_report

ROOT = Path(__file__).resolve().parents[3]
GROUPS = [("Versions", [("packages", "torch 2.13.0, " * 20), ("", "mmcv 2.3.6")])]
SERIOUS = Problem("two of it", "seen " * 100, "pip uninstall -y " + "x" * 100)
NOTE = Problem("a note", "this", "nothing", serious=False)


@pytest.fixture
def healthy(monkeypatch, site):
    """A made-up environment, whose packages have no code to import."""
    site.healthy()
    monkeypatch.setattr(imports, "failed_imports", dict)
    monkeypatch.setattr(installation, "checkout_of", lambda folder: None)
    scripts = installation.sysconfig.get_path("scripts")
    monkeypatch.setattr(installation.shutil, "which", lambda _: f"{scripts}/mmdense")
    return site


def test_a_healthy_environment_has_no_problem(healthy):
    assert doctor.run_checks() == []


def test_serious_problems_come_first(healthy):
    healthy.install("opencv-python-headless", "4.12.0.88")  # not serious
    healthy.install("mmdet", "3.3.0")
    assert [problem.serious for problem in doctor.run_checks()] == [True, False]


@pytest.mark.parametrize("error", [ImportError, OSError, RuntimeError])
def test_a_check_that_fails_is_a_problem_and_the_others_are_made(healthy, monkeypatch, error):
    def check_broken():
        raise error("broken")

    monkeypatch.setattr(doctor, "CHECKS", (check_broken, *doctor.CHECKS))
    healthy.install("mmdet", "3.3.0")
    titles = [problem.title for problem in doctor.run_checks()]
    assert titles == [
        "the check check_broken failed",
        "original packages of OpenMMLab are installed",
    ]


def test_all_checks_are_made():
    modules = (doctor.packages, installation)
    named = {getattr(module, name) for module in modules for name in module.__all__}
    assert {check for check in named if getattr(check, "__name__", "").startswith("check_")} <= {
        *doctor.CHECKS
    }


@pytest.mark.parametrize(("problem", "status"), [(SERIOUS, 1), (NOTE, 0)])
def test_the_exit_status_is_1_after_a_serious_problem(monkeypatch, capsys, problem, status):
    monkeypatch.setattr(sys, "argv", ["doctor"])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(doctor, "overview", lambda: GROUPS)
    monkeypatch.setattr(doctor, "run_checks", lambda: [problem])
    assert doctor.main() == status
    assert problem.title in capsys.readouterr().out


def test_text_is_wrapped_and_cut_but_a_command_stays_whole(capsys):
    print_report(GROUPS, [SERIOUS, NOTE])
    lines = capsys.readouterr().out.splitlines()
    assert "Problems to fix: 1" in lines
    assert f"  do            {SERIOUS.advice}" in lines
    assert all(len(line) <= 80 for line in lines if SERIOUS.advice not in line)
    assert sum("seen seen" in line for line in lines) == 3
    assert next(line for line in lines if line.endswith(" ..."))
    print_report(GROUPS, [])
    assert capsys.readouterr().out.endswith("No problem found\n")


def test_it_runs_with_packages_that_cannot_be_imported(tmp_path):
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
