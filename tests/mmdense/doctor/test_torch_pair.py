import pytest

from mmdense.doctor.torch_pair import check_build, check_match, check_tested


def pair(site, torch, vision, *, pin=None):
    site.install("torch", torch, files={"torch/version.py": f"__version__ = '{torch}'\n"})
    site.install(
        "torchvision",
        vision.partition("+")[0],
        requires=[f"torch (=={pin or torch.partition('+')[0]})"],
        files={"torchvision/version.py": f"__version__ = '{vision}'\n"},
    )


@pytest.mark.parametrize(
    ("torch", "vision"),
    [
        ("2.13.0+cpu", "0.28.0+cpu"),
        ("2.13.0+cu130", "0.28.0+cu130"),
        ("2.13.0", "0.28.0"),  # as on macOS: nothing is said
    ],
)
def test_a_pair_that_fits(site, torch, vision):
    pair(site, torch, vision)
    assert check_build() is None
    assert check_match() is None


def test_nothing_installed_is_no_misfit(site):
    assert check_build() is None
    assert check_match() is None


def test_a_cuda_torchvision_beside_a_cpu_torch_is_only_told(site):
    pair(site, "2.13.0+cpu", "0.28.0+cu130")  # the distribution's version does not say it
    finding = check_build()
    assert finding.title == "a CUDA torchvision beside a CPU torch"
    assert "torch is built for CPU, torchvision for CUDA 13.0" in finding.seen
    assert not finding.serious


@pytest.mark.parametrize(
    ("torch", "vision", "index"),
    [
        ("2.13.0+cu130", "0.28.0+cpu", "https://download.pytorch.org/whl/cu130"),
        ("2.13.0+cu128", "0.28.0+cu130", "https://download.pytorch.org/whl/cu128"),
    ],
)
def test_a_torchvision_that_is_no_use_to_the_gpu_is_serious(site, torch, vision, index):
    pair(site, torch, vision)
    finding = check_build()
    assert finding.serious
    assert index in finding.advice


def test_a_torchvision_of_another_minor_version(site):
    pair(site, "2.13.0+cpu", "0.27.1+cpu", pin="2.12.1")
    finding = check_match()
    assert finding.serious
    assert "installed is torch 2.13.0+cpu" in finding.seen
    assert "'torchvision==0.28.*'" in finding.advice  # 13 + 15


@pytest.mark.parametrize(
    ("version", "found"), [("2.9.1", False), ("2.14.1+cu130", False), ("2.15.0", True)]
)
def test_a_torch_that_nobody_tried_is_named(site, version, found):
    site.install("torch", version)
    finding = check_tested()
    assert (finding is not None) == found
    assert finding is None or not finding.serious
