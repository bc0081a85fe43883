"""A made-up environment: a folder that is the whole module path, with distributions in it."""

import importlib
import sys

import pytest

from mmdense.version import __version__


class Site:
    def __init__(self, folder):
        self.folder = folder

    def install(self, name, version, *, requires=(), files=None):
        """Make a dist-info folder, and the files that the distribution would have brought."""
        stem = name.replace("-", "_")
        info = self.folder / f"{stem}-{version}.dist-info"
        info.mkdir(parents=True)
        lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
        (info / "METADATA").write_text("Metadata-Version: 2.1\n" + "\n".join(lines) + "\n")
        for file, text in (files or {}).items():
            path = self.folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (info / "RECORD").write_text("".join(f"{file},,\n" for file in files or {}))

    def healthy(self):
        """What a set-up after the README installs."""
        torch = {"torch/version.py": "__version__ = '2.13.0+cpu'\n"}
        vision = {"torchvision/version.py": "__version__ = '0.28.0+cpu'\n"}
        self.install("torch", "2.13.0+cpu", files=torch)
        self.install("torchvision", "0.28.0", requires=["torch (==2.13.0)"], files=vision)
        for name in ("onedl-mmengine", "onedl-mmdetection", "onedl-mmpretrain"):
            self.install(name, "3.0")
        self.install("onedl-mmcv", "2.3.6", files={"mmcv/__init__.py": ""})
        self.install("onedl-mmsegmentation", "1.4.2")
        self.install("opencv-python", "4.12.0.88")
        self.install("numpy", "2.2.6")
        self.install("mmdense", __version__, requires=["numpy>=2.0", "ruff; extra == 'dev'"])


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [str(folder)])
    importlib.invalidate_caches()
    return Site(folder)
