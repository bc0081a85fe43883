"""Two processes under torchrun equal one at the same global batch, also after a rank was lost."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmdense.checkpoints.read import read_checkpoint

ROOT = Path(__file__).resolve().parents[1]
HELPERS = ROOT / "tests" / "processes"
CONFIG = """
default_scope = "mmpretrain"
custom_imports = dict(
    imports=["mmdense", "mmpretrain.models", "kill_once"],
    allow_failed_imports=False,
)
model = dict(
    type="ImageClassifier",
    backbone=dict(type="LeNet5", num_classes=2),  # neither BatchNorm nor dropout
    head=dict(type="ClsHead", loss=dict(type="CrossEntropyLoss")),
    data_preprocessor=dict(type="ClsDataPreprocessor", num_classes=2, mean=[127], std=[64]),
)
train_dataloader = dict(
    batch_size={batch},
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        type="CustomDataset",
        data_root="{data}",
        pipeline=[
            dict(type="LoadImageFromFile", color_type="grayscale"),
            dict(type="RandomCrop", crop_size=32),
            dict(type="RandomFlip", prob=0.5),
            dict(type="PackInputs"),
        ],
    ),
)
train_cfg = dict(by_epoch=True, max_epochs=4)
optim_wrapper = dict(optimizer=dict(type="SGD", lr=0.05, momentum=0.9))
default_hooks = dict(checkpoint=dict(type="CheckpointHook", by_epoch=False, interval=2))
custom_hooks = [{hook}]
randomness = dict(seed=0)
"""


@pytest.fixture
def photos(tmp_path):
    """16 pictures of 40x40, of two classes."""
    draw = np.random.default_rng(0)
    for index in range(16):
        path = tmp_path / "data" / "ab"[index % 2] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), draw.integers(0, 255, (40, 40), dtype=np.uint8))
    return tmp_path / "data"


def start(tmp_path, name, data, *, batch, launcher=(), hook="", more=()):
    """Run the tool to its end."""
    config = tmp_path / f"{name}.py"
    config.write_text(CONFIG.format(batch=batch, data=data, hook=hook))
    tool = [str(ROOT / "tools" / "train.py"), str(config), f"--work-dir={tmp_path / name}", *more]
    return subprocess.run(
        [sys.executable, *launcher, *tool],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{HELPERS}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def torchrun():
    """Two processes on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node=2"]
    return [*launcher, "--master-addr=127.0.0.1", f"--master-port={port}"]


def weights(folder):
    return read_checkpoint(folder / "iter_8.pth")["state_dict"]


def test_a_run_that_lost_a_rank_goes_on_to_the_result_of_one_process(tmp_path, photos):
    done = start(tmp_path, "one", photos, batch=8)
    assert done.returncode == 0, done.stderr[-3000:]
    kill = f"dict(type='KillOnce', note='{tmp_path / 'killed'}')"
    pair = {"batch": 4, "hook": kill}
    lost = start(tmp_path, "two", photos, **pair, launcher=torchrun(), more=["--launcher=pytorch"])
    assert lost.returncode != 0
    assert (tmp_path / "killed").is_file()
    assert not (tmp_path / "two" / "iter_8.pth").exists()
    more = ["--launcher=pytorch", "--resume"]
    again = start(tmp_path, "two", photos, **pair, launcher=torchrun(), more=more)
    assert again.returncode == 0, again.stderr[-3000:]
    assert "iter_4.pth: epoch 1, iteration 4" in again.stdout + again.stderr
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert one.keys() == two.keys()
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, rtol=1e-4, atol=1e-6)
