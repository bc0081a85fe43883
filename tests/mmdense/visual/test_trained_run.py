"""What the folder of a run holds, and what is said where something is missing."""

import pytest
from torch import nn

import mmdense  # noqa: F401
from mmdense.visual.draw_run import backbone_of, find_checkpoint, find_config


def test_the_config_of_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        find_config(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match=r"has no config: looked for .*\*\.py"):
        find_config(tmp_path)
    (tmp_path / "a.py").write_text("")
    assert find_config(tmp_path) == tmp_path / "a.py"
    (tmp_path / "b.py").write_text("")
    with pytest.raises(ValueError, match=r"2 configs, a\.py, b\.py\. Set --config"):
        find_config(tmp_path)


def test_the_last_checkpoint_also_of_a_folder_that_was_moved(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint: .*last_check"):
        find_checkpoint(tmp_path)
    (tmp_path / "last_checkpoint").write_text("/elsewhere/run/epoch_3.pth\n")
    with pytest.raises(FileNotFoundError, match=r"names /elsewhere/run/epoch_3\.pth"):
        find_checkpoint(tmp_path)
    (tmp_path / "epoch_3.pth").write_bytes(b"")
    assert find_checkpoint(tmp_path) == tmp_path / "epoch_3.pth"
    (tmp_path / "last_checkpoint").write_text(str(tmp_path / "epoch_3.pth"))
    assert find_checkpoint(tmp_path) == tmp_path / "epoch_3.pth"


def test_a_model_without_a_backbone_is_named():
    with pytest.raises(
        ValueError, match="Sequential has no backbone: looked for the module .*0, 1"
    ):
        backbone_of(nn.Sequential(nn.Identity(), nn.Identity()))
