import pytest

from mmdense.doctor import imports
from mmdense.doctor.imports import check_imports, failed_imports

# What a module that was compiled for numpy 1 prints and raises with numpy 2.
OLD = """
import sys
sys.stderr.write("A module that was compiled using NumPy 1.x cannot be run in NumPy 2.2.6")
raise ImportError("numpy.core.multiarray failed to import")
"""


def test_everything_that_configs_need_can_be_imported_here():
    assert failed_imports() == {}


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("", None),
        ("import absent_module", "ModuleNotFoundError: No module named 'absent_module'"),
        (OLD, "numpy.core.multiarray failed to import (compiled using NumPy 1.x)"),
        ("import os\nos._exit(3)", "the interpreter ended with status 3"),
    ],
)
def test_a_module_that_cannot_be_imported(site, monkeypatch, code, error):
    (site.folder / "some_module.py").write_text(code)
    failed = failed_imports(("json", "some_module", "math"))
    assert list(failed) == ([] if error is None else ["some_module"])
    monkeypatch.setattr(imports, "failed_imports", lambda: failed)
    for problem in check_imports():
        assert problem.serious and error in problem.seen
        assert problem.advice.endswith("--force-reinstall --no-deps some_module")


def test_a_module_is_named_by_its_distribution(monkeypatch):
    failed = {"mmcv.ops": "ImportError: x", "cv2": "ImportError: y"}
    monkeypatch.setattr(imports, "failed_imports", lambda: failed)
    (problem,) = check_imports()
    assert problem.seen == "import mmcv.ops: ImportError: x; import cv2: ImportError: y"
    assert problem.advice.endswith("--force-reinstall --no-deps onedl-mmcv opencv-python")
