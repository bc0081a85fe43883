"""Two processes under torchrun equal one at the same global batch, also after a rank was lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmdense.checkpoints.read import read_checkpoint

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / "tools"
HELPERS = ROOT / "tests" / "processes"
CONFIG = """
default_scope = "mmpretrain"
custom_imports = dict(
    imports=["mmdense", "mmpretrain.models", "kill_once", "slow"],
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


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """16 images of 40x40, of two classes."""
    folder = tmp_path_factory.mktemp("photos")
    draw = np.random.default_rng(0)
    for index in range(16):
        path = folder / "ab"[index % 2] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), draw.integers(0, 255, (40, 40), dtype=np.uint8))
    return folder


# shard: the convolutions of LeNet5 are a block; its classifier goes with the whole model
MORE = {
    "ddp": "",
    "fsdp": f"""
_base_ = "{ROOT}/configs/_base_/strategies/fsdp.py"
strategy = dict(shard=["Sequential"])
""",
}


def start(tmp_path, name, data, *, batch, command, hook="", more=""):
    """Run a tool to its end."""
    config = tmp_path / f"{name}.py"
    config.write_text(CONFIG.format(batch=batch, data=data, hook=hook) + more)
    command = [str(config) if part == "CONFIG" else part for part in command]
    own = {"PYTHON": sys.executable, "PYTHONPATH": f"{ROOT}{os.pathsep}{HELPERS}"}
    return subprocess.run(
        [*command, f"--work-dir={tmp_path / name}"],
        cwd=tmp_path,
        env=os.environ | own | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def weights(folder):
    return read_checkpoint(folder / "iter_8.pth")["state_dict"]


@pytest.fixture(scope="module")
def weights_of_one(tmp_path_factory, photos):
    """The weights after a training in one process."""
    folder = tmp_path_factory.mktemp("one")
    command = [sys.executable, str(TOOLS / "train.py"), "CONFIG"]
    done = start(folder, "one", photos, batch=8, command=command)
    assert done.returncode == 0, done.stderr[-3000:]
    return weights(folder / "one")


@pytest.mark.parametrize(("strategy", "killed"), [("ddp", False), ("fsdp", True)])
def test_two_processes_equal_one_also_after_one_was_killed(
    tmp_path, photos, weights_of_one, strategy, killed
):
    kill = f"dict(type='KillOnce', note='{tmp_path / 'killed'}')" if killed else ""
    command = ["bash", str(TOOLS / "dist_train.sh"), "CONFIG", "2"]
    pair = start(tmp_path, "two", photos, batch=4, command=command, hook=kill, more=MORE[strategy])
    assert pair.returncode == 0, pair.stderr[-3000:]
    assert (tmp_path / "killed").is_file() == killed
    assert ("iter_4.pth: epoch 1, iteration 4" in pair.stdout + pair.stderr) == killed
    two = weights(tmp_path / "two")
    assert weights_of_one.keys() == two.keys()
    for key, value in weights_of_one.items():
        torch.testing.assert_close(two[key], value, rtol=1e-4, atol=1e-6)


def test_the_script_prints_its_usage(tmp_path):
    for arguments, message in (
        ([], "tools/dist_train.sh CONFIG PROCESSES"),
        (["config.py", "2"], "set MASTER_ADDR to the name of one of the 2 machines"),
    ):
        command = ["bash", str(TOOLS / "dist_train.sh"), *arguments]
        env = os.environ | {"NNODES": "2"}
        asked = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        assert asked.returncode != 0
        assert message in asked.stderr


@pytest.mark.parametrize(
    ("given", "processes", "threads"),
    [("3", 2, 3), (None, 1, len(os.sched_getaffinity(0))), (None, 10_000, 1)],
)
def test_processes_share_the_cores_unless_the_user_sets_threads(
    tmp_path, given, processes, threads
):
    python = tmp_path / "my python"
    python.write_text('#!/usr/bin/env bash\necho "$OMP_NUM_THREADS"\n')
    python.chmod(0o755)
    env = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    env |= {"PYTHON": str(python), **({"OMP_NUM_THREADS": given} if given else {})}
    done = subprocess.run(
        ["bash", str(TOOLS / "dist_train.sh"), "config.py", str(processes)],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == threads


SRUN = """#!/usr/bin/env bash
shift                             # its own option
echo $$ > "$SLURM_SUBMIT_DIR/pid"
exec "$@"
"""
SCANCEL = """#!/usr/bin/env bash
kill -TERM "$(cat "$SLURM_SUBMIT_DIR/pid")"
"""
SCONTROL = """#!/usr/bin/env bash
case $1 in
    show) echo localhost ;;
    *) echo "$@" >> "$SLURM_SUBMIT_DIR/asked" ;;
esac
"""


@pytest.fixture
def slurm(tmp_path):
    """A folder to submit from, and an environment in which it looks like a job of Slurm."""
    folder = tmp_path / "submitted"
    (folder / "bin").mkdir(parents=True)
    (folder / "tools").symlink_to(TOOLS)
    for name, text in {"srun": SRUN, "scancel": SCANCEL, "scontrol": SCONTROL}.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    job = {"SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "1", "SLURM_JOB_NODELIST": "localhost"}
    place = {"SLURM_SUBMIT_DIR": str(folder), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    own = {"PYTHON": sys.executable, "PYTHONPATH": f"{ROOT}{os.pathsep}{HELPERS}"}
    return folder, os.environ | job | place | own | {"OMP_NUM_THREADS": "1"}


def test_a_job_of_slurm_saves_at_a_signal_and_is_queued_again(tmp_path, photos, slurm):
    folder, env = slurm
    config, run = tmp_path / "slow.py", tmp_path / "run"
    config.write_text(CONFIG.format(batch=8, data=photos, hook="dict(type='Slow', seconds=0.7)"))
    command = ["bash", str(TOOLS / "slurm_train.sh"), str(config), f"--work-dir={run}"]
    job = subprocess.Popen(command, env=env, cwd=folder)
    while not (run / "iter_2.pth").exists():
        assert job.poll() is None
        time.sleep(0.1)
    job.send_signal(signal.SIGUSR1)
    assert job.wait(600) != 0
    assert (run / "interrupted.pth").is_file()
    assert not (run / "iter_8.pth").exists()
    assert (folder / "asked").read_text() == "requeue 7\n"
    again = subprocess.run(command, env=env, cwd=folder, stdout=subprocess.PIPE, check=False)
    assert again.returncode == 0
    assert b"interrupted.pth: epoch" in again.stdout
    assert (run / "iter_8.pth").exists()
    assert (folder / "asked").read_text() == "requeue 7\n"
