import importlib

import pytest

from mmdense.doctor import checkout, checks, imports, opencv
from mmdense.doctor.checks import run_checks


@pytest.fixture(autouse=True)
def quick(monkeypatch, site):
    """Packages of the made-up environment have no code to import."""
    site.healthy()
    monkeypatch.setattr(imports, "failed_imports", dict)
    monkeypatch.setattr(checkout, "checkout_of", lambda folder: None)


def test_a_healthy_environment_gives_none():
    assert run_checks() == []


def test_serious_findings_come_first(site):
    site.install("opencv-python-headless", "4.12.0.88")  # only told
    site.install("mmdet", "3.3.0")
    assert [finding.serious for finding in run_checks()] == [True, False]


@pytest.mark.parametrize("error", [ImportError, OSError, RuntimeError])
def test_a_check_that_fails_is_a_finding_and_the_others_are_made(site, monkeypatch, error):
    def fail():
        raise error("broken")

    monkeypatch.setattr(opencv, "check_opencv", fail)
    site.install("mmdet", "3.3.0")
    titles = [finding.title for finding in run_checks()]
    assert titles == [
        "originals of OpenMMLab are installed",
        "the check opencv.check_opencv could not be made",
    ]


def test_imports_are_part_of_the_checks(monkeypatch):
    monkeypatch.setattr(imports, "failed_imports", lambda: {"torch": "OSError: libtorch"})
    (finding,) = run_checks()
    assert finding.seen == "import torch: OSError: libtorch"


@pytest.mark.parametrize(("module", "function"), checks._CHECKS)
def test_every_check_exists(module, function):
    assert callable(getattr(importlib.import_module(f"mmdense.doctor.{module}"), function))
