from mmdense.doctor.imports import check_imports, check_numpy_abi, failed_imports

# What a module that was compiled for numpy 1 prints and raises beside numpy 2.
OLD = """
import sys
sys.stderr.write("A module that was compiled using NumPy 1.x cannot be run in NumPy 2.2.6")
raise ImportError("numpy.core.multiarray failed to import")
"""


def test_what_can_be_imported_gives_nothing(site):
    (site.folder / "fine.py").touch()
    assert failed_imports(("fine", "json")) == {}
    assert check_numpy_abi({}) is None
    assert check_imports({}) is None


def test_a_package_compiled_for_numpy_1(site):
    site.healthy()
    (site.folder / "old_package.py").write_text(OLD)
    failed = failed_imports(("old_package", "json"))
    finding = check_numpy_abi(failed)
    assert finding.title == "compiled for numpy 1, installed is numpy 2.2.6"
    assert "import old_package: ImportError: numpy.core.multiarray" in finding.seen
    assert "pip install -U -c constraints.txt old_package" in finding.advice
    assert check_imports(failed) is None


def test_a_changed_struct_is_the_same_misfit(site):
    site.healthy()
    failed = {"pycocotools._mask": "ValueError: numpy.dtype size changed, may indicate binary"}
    assert check_numpy_abi(failed).advice.startswith("pip install -U -c constraints.txt pycocotoo")


def test_beside_numpy_1_there_is_no_such_misfit(site):
    site.install("numpy", "1.26.4")
    assert check_numpy_abi({"cv2": "ImportError: numpy.core.multiarray failed to import"}) is None


def test_any_other_import_that_fails(site):
    (site.folder / "broken.py").write_text("import absent_module\n")
    finding = check_imports(failed_imports(("broken",)))
    assert finding.seen == "import broken: ModuleNotFoundError: No module named 'absent_module'"
    assert finding.serious


def test_a_module_that_ends_the_interpreter_is_named(site):
    (site.folder / "crashes.py").write_text("import os\nos._exit(3)\n")
    failed = failed_imports(("json", "crashes", "math"))
    assert list(failed) == ["crashes"]
    assert "status 3" in failed["crashes"]


def test_everything_that_configs_need_can_be_imported_here():
    assert failed_imports() == {}


def test_a_module_is_named_by_the_distribution_that_brings_it():
    advice = check_imports({"mmcv": "ImportError: x", "cv2": "ImportError: y"}).advice
    assert advice.endswith("--force-reinstall --no-deps onedl-mmcv opencv-python")
