import subprocess
import sys
import sysconfig
import types
from pathlib import Path

import pytest

from mmdense.doctor import installation
from mmdense.doctor.installation import (
    check_checkout,
    check_command,
    check_files,
    check_import_hook,
    check_projects,
    check_threads,
    checkout_of,
)
from mmdense.version import __version__

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def other(tmp_path):
    """A second checkout."""
    (tmp_path / "mmdense").mkdir()
    (tmp_path / "mmdense" / "__init__.py").touch()
    (tmp_path / "tools").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "mmdense"\n')
    return tmp_path


def test_the_checkout_is_found_from_any_folder_in_it(other, tmp_path_factory):
    assert checkout_of(ROOT / "configs" / "pretrain") == ROOT
    assert checkout_of(other / "tools") == other
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert checkout_of(elsewhere) is None
    assert list(check_checkout(elsewhere)) == []


def test_the_checkout_that_is_imported_fits_by_a_relative_path_too(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PYTHONPATH", ".")
    assert list(check_checkout()) == []


def test_another_mmdense_is_named(other, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (problem,) = check_checkout(other)
    assert problem.serious
    assert str(ROOT / "mmdense" / "__init__.py") in problem.seen
    assert problem.advice == f"pip install -c constraints.txt -e {other}"


def test_this_installation_cannot_be_hidden(other):
    """A folder beside a script that has the name of the package, as a clone has."""
    (other / "mmdense" / "__init__.py").unlink()
    script = other / "script.py"
    script.write_text("import sys\nsys.orig_argv = ['', 'mmdense']\nimport mmdense\n")
    script.write_text(script.read_text() + "print(mmdense.__file__)\n")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, cwd=other
    )
    assert done.stdout.strip() == str(ROOT / "mmdense" / "__init__.py")
    assert list(check_import_hook()) == []


def test_an_import_hook_of_setuptools_is_named(monkeypatch):
    name = "__editable___mmdense_0_1_0_finder"
    monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    (problem,) = check_import_hook()
    assert problem.serious
    assert str(ROOT.parent) in problem.seen
    assert f"-e {ROOT}" in problem.advice


def test_installed_files_and_their_version(site, tmp_path, monkeypatch):
    site.install("mmdense", __version__, files={"mmdense/a.py": "", "mmdense/.mim/tools/b.py": ""})
    assert list(check_files()) == []
    (site.folder / "mmdense" / ".mim" / "tools" / "b.py").unlink()
    (problem,) = check_files()
    assert problem.serious
    assert problem.seen == "1, such as mmdense/.mim/tools/b.py"
    monkeypatch.setattr(installation, "ROOT", tmp_path)
    (problem,) = check_files()
    assert problem.seen.startswith("2, such as ")  # there is no tools/train.py, too


def test_an_editable_install_of_an_older_version(site):
    site.install("mmdense", "0.0.1")
    (problem,) = check_files()
    assert not problem.serious
    assert "mmdense 0.0.1 is installed" in problem.title and __version__ in problem.title


def test_the_command_of_this_python(site, monkeypatch, tmp_path):
    assert list(check_command()) == []  # nothing is installed
    site.healthy()
    scripts = sysconfig.get_path("scripts")
    for found, title in (
        (f"{scripts}/mmdense", None),
        (str(tmp_path / "mmdense"), "the command mmdense belongs to another Python"),
        (None, "no command mmdense"),
    ):
        monkeypatch.setattr(installation.shutil, "which", lambda _, found=found: found)
        problems = list(check_command())
        assert [problem.title for problem in problems] == ([title] if title else [])
        assert all(scripts in problem.advice and not problem.serious for problem in problems)


def test_a_namespace_of_several_projects_fits(site, tmp_path, monkeypatch):
    (site.folder / "projects" / "one").mkdir(parents=True)
    (tmp_path / "other" / "projects" / "two").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "other"), str(site.folder)])
    assert list(check_projects()) == []


def test_a_projects_folder_with_an_init_is_named(site, tmp_path, monkeypatch):
    folder = tmp_path / "old_checkout"
    (folder / "projects").mkdir(parents=True)
    (folder / "projects" / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(site.folder), str(folder)])
    (problem,) = check_projects()
    assert problem.serious
    assert problem.seen == str(folder / "projects" / "__init__.py")
    assert f"take {folder} off the path" in problem.advice
    site.install("elsewhere", "1.0", files={"projects/__init__.py": ""})
    (problem,) = check_projects()
    assert "of elsewhere" in problem.seen
    assert problem.advice == "pip uninstall elsewhere"


@pytest.mark.parametrize(
    ("policy", "spin", "named"),
    [
        ("passive", "10000", []),
        ("passive", "", []),
        ("ACTIVE", "", ["OMP_WAIT_POLICY=active"]),
        ("", "5000000", ["GOMP_SPINCOUNT=5000000"]),
        ("passive", "infinity", ["GOMP_SPINCOUNT=infinity"]),
    ],
)
def test_settings_that_let_threads_spin_are_named(monkeypatch, policy, spin, named):
    monkeypatch.setenv("OMP_WAIT_POLICY", policy)
    monkeypatch.setenv("GOMP_SPINCOUNT", spin)
    assert [problem.seen.split(" is set")[0] for problem in check_threads()] == named
