from pathlib import Path

import pytest

from mmdense.doctor.checkout import check_checkout, checkout_of

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
