import sys
from importlib.machinery import EXTENSION_SUFFIXES

import pytest

from mmdense.doctor import packages


def pair(site, torch, vision, *, pin=None):
    site.install("torch", torch, files={"torch/version.py": f"__version__ = '{torch}'\n"})
    site.install(
        "torchvision",
        vision.partition("+")[0],
        requires=[f"torch (=={pin or torch.partition('+')[0]})"],
        files={"torchvision/version.py": f"__version__ = '{vision}'\n"},
    )


CHECKS = [getattr(packages, name) for name in packages.__all__ if name.startswith("check_")]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_what_fits_and_what_is_absent_give_nothing(site, check):
    assert list(check()) == []
    site.healthy()
    assert list(check()) == []


@pytest.mark.parametrize(
    ("torch", "vision"),
    [
        ("2.13.0+cu130", "0.28.0+cu130"),
        ("2.13.0", "0.28.0"),  # as on macOS: the files do not tell
    ],
)
def test_torch_and_torchvision_of_one_build_fit(site, torch, vision):
    pair(site, torch, vision)
    assert list(packages.check_builds()) == []
    assert list(packages.check_torchvision()) == []


def test_a_cuda_torchvision_beside_a_cpu_torch_is_not_serious(site):
    pair(site, "2.13.0+cpu", "0.28.0+cu130")  # the version of the distribution does not tell
    (problem,) = packages.check_builds()
    assert "torch is built for CPU, torchvision for CUDA 13.0" in problem.seen
    assert not problem.serious


@pytest.mark.parametrize(
    ("torch", "vision", "index"),
    [
        ("2.13.0+cu130", "0.28.0+cpu", "https://download.pytorch.org/whl/cu130"),
        ("2.13.0+cu128", "0.28.0+cu130", "https://download.pytorch.org/whl/cu128"),
    ],
)
def test_a_torchvision_without_operators_for_the_gpu_is_serious(site, torch, vision, index):
    pair(site, torch, vision)
    (problem,) = packages.check_builds()
    assert problem.serious
    assert index in problem.advice


def test_a_torchvision_of_another_minor_version(site):
    pair(site, "2.13.0+cpu", "0.27.1+cpu", pin="2.12.1")
    (problem,) = packages.check_torchvision()
    assert problem.serious
    assert "torch 2.13.0+cpu" in problem.seen
    assert "'torchvision==0.28.*'" in problem.advice  # 13 + 15


@pytest.mark.parametrize(("version", "count"), [("2.9.1", 0), ("2.14.1+cu130", 0), ("2.15.0", 1)])
def test_a_torch_newer_than_the_tested_ones(site, version, count):
    site.install("torch", version)
    assert [problem.serious for problem in packages.check_tested()] == [False] * count


@pytest.mark.parametrize(
    ("original", "fork"),
    [
        ("mmengine", "onedl-mmengine"),
        ("mmcv-lite", "onedl-mmcv"),
        ("mmdet", "onedl-mmdetection"),
        ("mmpretrain", "onedl-mmpretrain"),
        ("mmsegmentation", "onedl-mmsegmentation"),
    ],
)
def test_an_original_beside_its_fork(site, original, fork):
    site.healthy()
    site.install(original, "1.0")
    (problem,) = packages.check_originals()
    assert problem.serious
    assert f"{original} 1.0 and {fork}" in problem.seen
    assert f"pip uninstall -y {original} {fork} && " in problem.advice
    assert problem.advice.endswith(f" {fork}")


def test_an_original_alone(site):
    site.install("mmdet", "3.3.0")
    (problem,) = packages.check_originals()
    assert problem.advice == (
        "pip uninstall -y mmdet && pip install -c constraints.txt onedl-mmdetection"
    )


def test_a_transformers_without_the_names_that_mmpretrain_needs(site, monkeypatch):
    monkeypatch.delitem(sys.modules, "transformers", raising=False)
    site.install("transformers", "5.24.0", files={"transformers/__init__.py": ""})
    (problem,) = packages.check_multimodal()
    assert not problem.serious
    assert "BasicTokenizer" in problem.seen
    assert "transformers<5" in problem.advice
    sys.modules.pop("transformers", None)


def test_an_extension_of_mmcv_that_does_not_load(site):
    site.healthy()
    (site.folder / "mmcv" / f"_ext{EXTENSION_SUFFIXES[0]}").write_text("no machine code")
    (problem,) = packages.check_mmcv_extension()
    assert problem.serious
    assert "file too short" in problem.seen or "invalid ELF header" in problem.seen
    assert "MMCV_WITH_OPS=1" in problem.advice


def test_an_extension_of_mmcv_for_another_python(site):
    site.healthy()
    (site.folder / "mmcv" / "_ext.cpython-27-x86_64-linux-gnu.so").touch()
    (problem,) = packages.check_mmcv_extension()
    assert "it is for another Python than 3." in problem.seen


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        ("ImportError: /a/_ext.so: undefined symbol: _ZNK3c1010", "it was built for another torch"),
        ("ImportError: libcudart.so.12: cannot open", "it was built for a torch with CUDA"),
        ("", "the process ended without a message"),
    ],
)
def test_what_an_error_of_the_loader_means(site, monkeypatch, error, meaning):
    class Done:
        returncode, stderr = 1, error

    site.healthy()
    (site.folder / "mmcv" / f"_ext{EXTENSION_SUFFIXES[0]}").touch()
    monkeypatch.setattr(packages, "run_python", lambda *_: Done)
    (problem,) = packages.check_mmcv_extension()
    assert meaning in problem.seen
    assert "/a/" not in problem.seen


@pytest.mark.parametrize("name", ["opencv-python-headless", "opencv-contrib-python"])
@pytest.mark.parametrize(("version", "serious"), [("4.12.0.88", False), ("4.10.0.84", True)])
def test_two_opencvs_are_serious_where_their_versions_differ(site, name, version, serious):
    site.healthy()
    site.install(name, version)
    (problem,) = packages.check_opencv()
    assert problem.serious == serious
    assert f"{name} {version}" in problem.seen
    assert "opencv-python 4.12.0.88" in problem.seen


@pytest.mark.parametrize(
    ("requirement", "seen"),
    [("numpy>=3.0", "numpy>=3.0: 2.2.6"), ("rich", "rich: not installed")],
)
def test_a_requirement_that_is_missing_or_too_old(site, requirement, seen):
    site.install("numpy", "2.2.6")
    site.install("mmdense", "0.1.0", requires=[requirement])
    (problem,) = packages.check_requirements()
    assert problem.seen == seen
    assert f"'{requirement}'" in problem.advice
