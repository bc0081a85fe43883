import subprocess
import sys
import types
from pathlib import Path

import pytest

from mmdense.doctor.checkout import check_checkout, check_editable, checkout_of

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
    assert checkout_of(tmp_path_factory.mktemp("elsewhere")) is None


def test_outside_a_checkout_nothing_is_asked(tmp_path):
    assert check_checkout(tmp_path) is None


def test_the_checkout_that_is_imported_fits(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert check_checkout(ROOT / "tools") is None


def test_a_path_relative_to_this_folder_counts(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PYTHONPATH", ".")
    assert check_checkout() is None


def test_another_mmdense_is_named(other, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    finding = check_checkout(other)
    assert finding.serious
    assert str(ROOT / "mmdense" / "__init__.py") in finding.seen
    assert finding.advice == f"pip install -c constraints.txt -e {other}"


def test_this_installation_cannot_be_hidden(other):
    """A folder beside a script that has the name of the package, as a clone has."""
    (other / "mmdense" / "__init__.py").unlink()
    script = other / "script.py"
    script.write_text("import mmdense\nprint(mmdense.__file__)\n")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, cwd=other
    )
    assert done.stdout.strip() == str(ROOT / "mmdense" / "__init__.py")
    assert check_editable() is None


def test_an_import_hook_of_setuptools_is_named(monkeypatch):
    name = "__editable___mmdense_0_1_0_finder"
    monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    finding = check_editable()
    assert finding.serious
    assert str(ROOT.parent) in finding.seen
    assert f"-e {ROOT}" in finding.advice
