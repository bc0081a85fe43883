import os
import pickle

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import load_checkpoint
from torch import nn

from mmdense.checkpoints import read
from mmdense.checkpoints.read import (
    UnsafeCheckpointError,
    read_checkpoint,
    safetensors_bytes,
    state_dict_of,
)


class RunsCode:
    """Makes a folder as it is read."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def trusted(monkeypatch):
    monkeypatch.setattr(read, "_trusted", True)


def test_what_a_run_of_mmengine_holds_is_read(tmp_path):
    history = HistoryBuffer([1.0, 2.0, 6.0], [1, 1, 1])
    content = {
        "state_dict": {"w": torch.arange(3.0)},
        "message_hub": {"log_scalars": {"loss": history}},
        "meta": {"iter": 3, "score": np.float64(0.5), "classes": ("a", "b")},
    }
    torch.save(content, tmp_path / "a.pth")
    found = read_checkpoint(tmp_path / "a.pth")
    assert found["meta"] == content["meta"]
    assert found["message_hub"]["log_scalars"]["loss"].mean() == 3.0
    assert torch.equal(found["state_dict"]["w"], torch.arange(3.0))


def test_code_is_not_run_and_the_message_says_what_the_file_asked_for(tmp_path):
    torch.save({"state_dict": {}, "trap": RunsCode(tmp_path / "made")}, tmp_path / "bad.pth")
    with pytest.raises(UnsafeCheckpointError, match=r"bad.pth.*mkdir.*--trust-checkpoint"):
        read_checkpoint(tmp_path / "bad.pth")
    with pytest.raises(UnsafeCheckpointError):
        load_checkpoint(nn.Linear(1, 1), str(tmp_path / "bad.pth"))  # MMEngine's own way
    assert not (tmp_path / "made").exists()


def test_getattr_reaches_nothing_but_the_curves(tmp_path):
    class Reach:
        def __reduce__(self):
            return getattr, (HistoryBuffer, "__init__")

    torch.save({"trap": Reach()}, tmp_path / "bad.pth")
    with pytest.raises(UnsafeCheckpointError, match="__init__"):
        read_checkpoint(tmp_path / "bad.pth")


def test_a_trusted_file_is_read_whatever_it_holds(tmp_path, trusted):
    torch.save({"state_dict": {}, "trap": RunsCode(tmp_path / "made")}, tmp_path / "own.pth")
    read_checkpoint(tmp_path / "own.pth")
    assert (tmp_path / "made").is_dir()


def test_a_bare_pickle_is_refused(tmp_path):
    (tmp_path / "old.pth").write_bytes(pickle.dumps({"trap": RunsCode(tmp_path / "made")}))
    with pytest.raises(ValueError, match=r"old.pth"):
        read_checkpoint(tmp_path / "old.pth")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_that_is_cut_off_is_named(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    weights = {"w": torch.randn(1000)}
    torch.save(weights, path)
    content = safetensors_bytes(weights) if suffix == ".safetensors" else path.read_bytes()
    path.write_bytes(content[:-500])
    with pytest.raises(ValueError, match=rf"a{suffix} \([\d,]+ bytes\) is cut off"):
        read_checkpoint(path)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone.pth does not exist"):
        read_checkpoint(tmp_path / "gone.pth")


def test_safetensors_go_round_and_into_a_model(tmp_path):
    source, target = nn.Linear(3, 2), nn.Linear(3, 2)
    weights = source.state_dict() | {"shared": source.weight}
    (tmp_path / "a.safetensors").write_bytes(safetensors_bytes(weights))
    found = state_dict_of(read_checkpoint(tmp_path / "a.safetensors"), "a")
    assert found.keys() == weights.keys()
    load_checkpoint(target, str(tmp_path / "a.safetensors"))
    assert torch.equal(target.weight, source.weight)


def test_a_file_without_tensors_is_refused_with_its_keys():
    with pytest.raises(ValueError, match=r"no tensors; keys: \['meta'\]"):
        state_dict_of({"meta": 1}, "x.pth")
