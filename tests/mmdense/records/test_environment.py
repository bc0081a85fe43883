"""Versions, hardware, memory, and the state of a checkout."""

import os
import re
import subprocess
import sys

import pytest
import torch

from mmdense.records.environment import (
    collect_environment,
    git_state,
    peak_memory_mib,
    repository_root,
)
from mmdense.version import DISTRIBUTIONS, installed_versions, version_of


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("a = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_versions_and_hardware():
    environment = collect_environment()
    assert environment["versions"]["torch"] == torch.__version__
    for package in ("python", "mmengine", "mmcv", "mmdet", "mmpretrain", "mmseg", "mmdense"):
        assert re.match(r"\d+\.\d+", environment["versions"][package]), package
    hardware = environment["hardware"]
    assert hardware["cores"] >= 1
    assert hardware["threads"] == torch.get_num_threads()
    assert hardware["ram_gib"] > 0.1
    assert hardware["cpu"]
    assert len(hardware["gpus"]) == torch.cuda.device_count()


def test_clean_checkout(checkout):
    state = git_state(checkout)
    assert re.fullmatch(r"[0-9a-f]{40}", state["commit"])
    assert (state["dirty"], state["dirty_files"]) == (False, [])
    assert repository_root(checkout).resolve() == checkout.resolve()
    inside = checkout / "site-packages"  # a wheel in the repository of somebody else
    inside.mkdir()
    assert git_state(inside) == {"commit": None, "dirty": False, "dirty_files": []}


def test_changed_and_new_files_outside_results_are_listed(checkout):
    (checkout / "code.py").write_text("a = 2\n")
    (checkout / "näw file.py").write_text("b = 1\n")
    (checkout / "results" / "x").mkdir(parents=True)
    (checkout / "results" / "x" / "record.json").write_text("{}")
    state = git_state(checkout)
    assert state["dirty"]
    assert state["dirty_files"] == ["code.py", "näw file.py"]


def test_no_commit_and_no_checkout(tmp_path):
    (tmp_path / "plain").mkdir()
    outside = git_state(tmp_path / "plain")
    assert outside == {"commit": None, "dirty": False, "dirty_files": []}
    git(tmp_path, "init", "-q")
    assert git_state(tmp_path)["commit"] is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="live children are read in /proc")
def test_memory_of_children_counts():
    before = peak_memory_mib()
    code = "x = bytearray(80 * 2**20); print('ready', flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as child:
        assert child.stdout.readline() == b"ready\n"
        during = peak_memory_mib()
        child.stdin.write(b"\n")
        child.stdin.flush()
        child.wait(timeout=300)
    assert during - before > 75
    assert 10 < before < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20


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
