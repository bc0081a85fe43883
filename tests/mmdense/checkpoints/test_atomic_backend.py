import errno
import os

import pytest
import torch
from mmengine.fileio import put_text
from mmengine.runner.checkpoint import save_checkpoint

from mmdense.checkpoints.atomic_backend import write_atomically


def test_the_content_is_written_and_no_other_file_remains(tmp_path):
    write_atomically(b"one", tmp_path / "new" / "a.pth")
    write_atomically(b"two", tmp_path / "new" / "a.pth")
    assert (tmp_path / "new" / "a.pth").read_bytes() == b"two"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.pth"]


def test_mmengine_writes_text_with_it(tmp_path):
    put_text("é", tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_bytes() == "é".encode()


def test_a_full_disk_keeps_the_old_checkpoint_of_mmengine(tmp_path, monkeypatch):
    path = tmp_path / "epoch_1.pth"
    save_checkpoint({"state_dict": {"w": torch.ones(2)}}, str(path))
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device; [\d,]+ bytes are free") as caught:
        save_checkpoint({"state_dict": {"w": torch.zeros(2)}}, str(path))
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_killed_while_it_writes_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.pth"
    path.write_bytes(b"good")
    child = os.fork()
    if child == 0:
        os.fsync = lambda descriptor: os.kill(os.getpid(), 9)
        write_atomically(b"half", path)
    os.waitpid(child, 0)
    assert path.read_bytes() == b"good"
