"""The collapse monitor over two processes, and on MMPretrain's own configs."""

import math
import os
import runpy
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmdense.collapse.history import read_history

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def run(*command):
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        check=False,
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


def test_two_processes_with_uneven_shares_read_what_one_reads(tmp_path):
    script = ROOT / "tests" / "processes" / "collapse_readings.py"
    run(script, tmp_path / "one.pt")
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    run(*launch, script, tmp_path / "two.pt")
    one, two = (torch.load(tmp_path / name, weights_only=True) for name in ("one.pt", "two.pt"))
    assert one.keys() == two.keys()
    assert (one["size"], one["vectors"]) == (7, 14)
    for name, value in one.items():
        if not math.isnan(value):
            assert two[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Eight pictures of noise."""
    folder = tmp_path_factory.mktemp("photos")
    draw = np.random.default_rng(0)
    for index in range(8):
        picture = draw.integers(0, 255, (40, 40, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), picture)
    return folder


# What has to be smaller than published for a test, and the hook.
CONFIG = """
_base_ = "mmpretrain::{config}.py"
custom_imports = dict(imports=["mmdense"])
custom_hooks = [dict(type="mmdense.CollapseHook", interval=2, images=4)]
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(_delete_=True, type="CustomDataset", data_root="{data}", with_label=False,
                 pipeline={{{{_base_.train_pipeline}}}}),
)
model = dict(backbone=dict(depth=18), neck=dict(in_channels=512, hid_channels=32){head})
train_cfg = dict(max_epochs=1)
"""
SMALL = ", head=dict(predictor=dict(hid_channels=32))"


@pytest.mark.parametrize(
    ("config", "head"),
    [
        ("byol/byol_resnet50_16xb256-coslr-200e_in1k", SMALL),
        ("simclr/simclr_resnet50_16xb256-coslr-200e_in1k", ""),
    ],
)
def test_published_configs_with_only_the_hook_added(tmp_path, photos, monkeypatch, config, head):
    file = tmp_path / "config.py"
    file.write_text(CONFIG.format(config=config, data=photos, head=head))
    tool = ROOT / "tools" / "train.py"
    work_dir = f"--work-dir={tmp_path / 'run'}"
    monkeypatch.setattr(sys, "argv", [str(tool), str(file), work_dir])
    runpy.run_path(str(tool))["main"]()
    found = read_history(tmp_path / "run")
    assert [step for step, _ in found["curves"]["m_o"]] == [1, 2]
    assert found["facts"]["channels"] == (256 if "byol" in config else 128)
    assert found["verdict"] in ("healthy", "dimensional collapse", "complete collapse")
    assert {spectrum["space"] for spectrum in found["spectra"]} == {"backbone", "projector"}
