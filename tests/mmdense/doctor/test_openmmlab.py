import pytest

from mmdense.doctor.openmmlab import check_originals


def test_the_forks_alone_fit(site):
    site.healthy()
    assert check_originals() is None


@pytest.mark.parametrize(
    ("original", "fork"),
    [
        ("mmengine", "onedl-mmengine"),
        ("mmcv", "onedl-mmcv"),
        ("mmcv-lite", "onedl-mmcv"),
        ("mmdet", "onedl-mmdetection"),
        ("mmpretrain", "onedl-mmpretrain"),
        ("mmsegmentation", "onedl-mmsegmentation"),
    ],
)
def test_an_original_beside_its_fork(site, original, fork):
    site.healthy()
    site.install(original, "1.0")
    finding = check_originals()
    assert finding.serious
    assert f"{original} 1.0 and {fork}" in finding.seen
    assert f"pip uninstall -y {original} {fork} && " in finding.advice
    assert finding.advice.endswith(f" {fork}")


def test_an_original_alone(site):
    site.install("mmdet", "3.3.0")
    finding = check_originals()
    assert finding.advice == (
        "pip uninstall -y mmdet && pip install -c constraints.txt onedl-mmdetection"
    )
