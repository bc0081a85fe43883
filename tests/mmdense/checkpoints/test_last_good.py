import os

import torch

from mmdense.checkpoints.last_good import last_good_checkpoint


def save(path, age, **more):
    content = {
        "state_dict": {"w": torch.ones(9)},
        "meta": {"epoch": 1, "iter": 5},
        "message_hub": {},
    }
    torch.save(content | more, path)
    os.utime(path, (1_000_000 - age, 1_000_000 - age))


def test_the_newest_whole_state_is_found(tmp_path):
    assert last_good_checkpoint(tmp_path) is None
    save(tmp_path / "epoch_1.pth", age=50, optimizer={})
    save(tmp_path / "epoch_2.pth", age=40, optimizer={})
    save(tmp_path / "interrupted.pth", age=30, optimizer={})
    save(tmp_path / "best_top1_epoch_2.pth", age=20)
    save(tmp_path / "published-0123abcd.pth", age=10)  # no optimizer: not a state to go on from
    assert last_good_checkpoint(tmp_path) == tmp_path / "interrupted.pth"


def test_files_that_are_cut_off_are_passed_over_and_said(tmp_path, capfd):
    save(tmp_path / "epoch_1.pth", age=50, optimizer={})
    save(tmp_path / "epoch_2.pth", age=40, optimizer={})
    whole = (tmp_path / "epoch_2.pth").read_bytes()
    (tmp_path / "epoch_2.pth").write_bytes(whole[: len(whole) // 2])
    assert last_good_checkpoint(tmp_path) == tmp_path / "epoch_1.pth"
