import sys

from mmdense.records.versions import DISTRIBUTIONS, installed_versions, version_of


def install(folder, name, version):
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_the_first_distribution_that_is_installed_counts(tmp_path, monkeypatch):
    install(tmp_path, "onedl-mmcv", "2.3.6")
    install(tmp_path, "mmcv", "2.2.0")
    install(tmp_path, "mmdet", "3.3.0")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert installed_versions() == dict.fromkeys(DISTRIBUTIONS) | {
        "mmcv": "2.3.6",
        "mmdet": "3.3.0",
    }
    assert version_of("mmcv") == "2.2.0"
    assert version_of("torch") is None
