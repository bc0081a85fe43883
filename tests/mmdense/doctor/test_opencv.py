import pytest

from mmdense.doctor.opencv import check_opencv


def test_one_opencv_fits(site):
    site.healthy()
    assert check_opencv() is None


@pytest.mark.parametrize(
    "name", ["opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"]
)
@pytest.mark.parametrize(("version", "serious"), [("4.12.0.88", False), ("4.10.0.84", True)])
def test_two_are_serious_where_their_versions_differ(site, name, version, serious):
    site.healthy()
    site.install(name, version)
    finding = check_opencv()
    assert finding.serious == serious
    assert f"{name} {version}" in finding.seen
    assert "opencv-python 4.12.0.88" in finding.seen
