import pytest

from mmdense.doctor import imports
from mmdense.doctor.imports import check_imports, failed_imports

# What a module that was compiled for numpy 1 prints and raises beside numpy 2.
OLD = """
import sys
sys.stderr.write("A module that was compiled using NumPy 1.x cannot be run in NumPy 2.2.6")
raise ImportError("numpy.core.multiarray failed to import")
"""


@pytest.fixture
def problems(monkeypatch):
    """Problems of given failures."""

    def check(**failed):
        names = {name.replace("__", "."): error for name, error in failed.items()}
        monkeypatch.setattr(imports, "failed_imports", lambda: names)
        return list(check_imports())

    return check


def test_what_can_be_imported_gives_nothing(site, problems):
    (site.folder / "fine.py").touch()
    assert failed_imports(("fine", "json")) == {}
    assert problems() == []


def test_everything_that_configs_need_can_be_imported_here():
    assert failed_imports() == {}


def test_a_package_compiled_for_numpy_1(site, problems):
    site.healthy()
    (site.folder / "old_package.py").write_text(OLD)
    (problem,) = problems(**failed_imports(("old_package", "json")))
    assert "compiled for numpy 1" in problem.title and "2.2.6" in problem.title
    assert "import old_package: ImportError: numpy.core.multiarray" in problem.seen
    assert "pip install -U -c constraints.txt old_package" in problem.advice


@pytest.mark.parametrize(("numpy", "count"), [("2.2.6", 1), ("1.26.4", 0)])
def test_a_changed_struct_is_the_same_problem_but_not_with_numpy_1(site, problems, numpy, count):
    site.install("numpy", numpy)
    found = problems(pycocotools___mask="ValueError: numpy.dtype size changed, may indicate")
    assert len(found) == count
    assert all(p.advice.startswith("pip install -U -c constraints.txt pycocotoo") for p in found)


def test_any_other_import_that_fails(site, problems):
    (site.folder / "broken.py").write_text("import absent_module\n")
    (problem,) = problems(**failed_imports(("broken",)))
    assert problem.seen == "import broken: ModuleNotFoundError: No module named 'absent_module'"
    assert problem.serious


def test_a_module_that_ends_the_interpreter_is_named(site):
    (site.folder / "crashes.py").write_text("import os\nos._exit(3)\n")
    failed = failed_imports(("json", "crashes", "math"))
    assert list(failed) == ["crashes"]
    assert "status 3" in failed["crashes"]


def test_a_module_is_named_by_the_distribution_that_brings_it(problems):
    (problem,) = problems(mmcv="ImportError: x", cv2="ImportError: y")
    assert problem.advice.endswith("--force-reinstall --no-deps onedl-mmcv opencv-python")
