"""Two processes with uneven shares give what one gives: losses, gradients, running statistics."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.processes.siamese_gradients import HEADS, measure

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("siamese")
    script = ROOT / "tests" / "processes" / "siamese_gradients.py"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command = [*launch, str(script), str(folder / "two.pt")]
    done = subprocess.run(
        command, check=False, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one = {name: measure(config) for name, config in HEADS.items()}
    return one, torch.load(folder / "two.pt", weights_only=True)


def test_every_head_was_measured(results):
    assert len(results[0]) == 24


def test_losses_gradients_and_buffers(results):
    one, two = results
    assert one.keys() == two.keys()
    for head, expected in one.items():
        assert expected.keys() == two[head].keys()
        for name, value in expected.items():
            message = f"{head}: {name}"
            torch.testing.assert_close(two[head][name], value, rtol=1e-4, atol=1e-6, msg=message)
