import sys
from importlib.machinery import EXTENSION_SUFFIXES
from types import SimpleNamespace

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
    ("torch", "vision", "serious", "text"),
    [
        ("2.13.0+cu130", "0.28.0+cu130", None, ""),
        ("2.13.0", "0.28.0", None, ""),  # as on macOS: the files do not have the build
        ("2.13.0+cpu", "0.28.0+cu130", False, "torch is built for CPU, torchvision for CUDA 13.0"),
        ("2.13.0+cu130", "0.28.0+cpu", True, "https://download.pytorch.org/whl/cu130"),
        ("2.13.0+cu128", "0.28.0+cu130", True, "https://download.pytorch.org/whl/cu128"),
    ],
)
def test_builds_of_torch_and_torchvision(site, torch, vision, serious, text):
    pair(site, torch, vision)
    assert list(packages.check_torchvision()) == []
    found = list(packages.check_builds())
    assert [problem.serious for problem in found] == ([] if serious is None else [serious])
    assert all(text in problem.seen + problem.advice for problem in found)


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
    [(original, fork) for fork, names in packages._ORIGINALS.items() for original in names],
)
def test_an_original_beside_its_fork_and_alone(site, original, fork):
    site.install(original, "1.0")
    (problem,) = packages.check_originals()
    advice = f"pip uninstall -y {original}%s && pip install -c constraints.txt {fork}"
    assert problem.serious and problem.advice == advice % ""
    site.healthy()
    (problem,) = packages.check_originals()
    assert f"{original} 1.0 and {fork}" in problem.seen
    assert problem.advice == advice % f" {fork}"


def test_a_transformers_without_the_names_that_mmpretrain_needs(site, monkeypatch):
    monkeypatch.delitem(sys.modules, "transformers", raising=False)
    site.install("transformers", "5.24.0", files={"transformers/__init__.py": ""})
    (problem,) = packages.check_multimodal()
    assert not problem.serious
    assert "BasicTokenizer" in problem.seen
    assert "transformers<5" in problem.advice
    sys.modules.pop("transformers", None)


@pytest.mark.parametrize(
    ("file", "error", "meaning"),
    [
        (f"_ext{EXTENSION_SUFFIXES[0]}", None, ("file too short", "invalid ELF header")),
        ("_ext.cpython-27-x86_64-linux-gnu.so", None, ("it is for another Python than 3.",)),
        (
            f"_ext{EXTENSION_SUFFIXES[0]}",
            "ImportError: /a/_ext.so: undefined symbol: _ZNK3c1010",
            ("it was built for another torch",),
        ),
        (
            f"_ext{EXTENSION_SUFFIXES[0]}",
            "ImportError: libcudart.so.12: cannot open",
            ("it was built for a torch with CUDA",),
        ),
        (f"_ext{EXTENSION_SUFFIXES[0]}", "", ("the process ended without a message",)),
    ],
)
def test_an_extension_of_mmcv_that_does_not_load(site, monkeypatch, file, error, meaning):
    site.healthy()
    (site.folder / "mmcv" / file).write_text("no machine code")
    if error is not None:
        failed = SimpleNamespace(returncode=1, stderr=error)
        monkeypatch.setattr(packages, "run_python", lambda *_: failed)
    (problem,) = packages.check_mmcv_extension()
    assert problem.serious and "MMCV_WITH_OPS=1" in problem.advice
    assert any(text in problem.seen for text in meaning)
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
