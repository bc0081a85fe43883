import os
from pathlib import Path

import pytest
import torch

from mmdense.checkpoints.last_good import last_good_checkpoint
from mmdense.checkpoints.read import UnsafeCheckpointError


def save(path, age, **more):
    content = {
        "state_dict": {"w": torch.ones(9)},
        "meta": {"epoch": 1, "iter": 5},
        "message_hub": {},
    }
    torch.save(content | more, path)
    os.utime(path, (1_000_000 - age, 1_000_000 - age))


def test_the_latest_complete_state_is_found(tmp_path):
    assert last_good_checkpoint(tmp_path) is None
    save(tmp_path / "epoch_1.pth", age=50, optimizer={})
    save(tmp_path / "epoch_2.pth", age=40, optimizer={})
    save(tmp_path / "interrupted.pth", age=30, optimizer={})
    save(tmp_path / "best_top1_epoch_2.pth", age=20)
    save(tmp_path / "published-0123abcd.pth", age=10)  # no optimizer: cannot be resumed
    assert last_good_checkpoint(tmp_path) == tmp_path / "interrupted.pth"


@pytest.mark.parametrize("trap", [False, True])
def test_truncated_files_are_skipped_but_unsafe_ones_are_not(tmp_path, trap):
    save(tmp_path / "epoch_1.pth", age=50, optimizer={})
    save(tmp_path / "epoch_2.pth", age=40, optimizer={})
    if trap:
        save(tmp_path / "epoch_2.pth", age=40, optimizer={}, trap=Path)
        with pytest.raises(UnsafeCheckpointError):
            last_good_checkpoint(tmp_path)
        return
    complete = (tmp_path / "epoch_2.pth").read_bytes()
    (tmp_path / "epoch_2.pth").write_bytes(complete[: len(complete) // 2])
    assert last_good_checkpoint(tmp_path) == tmp_path / "epoch_1.pth"
