import os
import pickle

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import load_checkpoint
from torch import nn

from mmdense.checkpoints import read
from mmdense.checkpoints.publish import weights_as_bytes
from mmdense.checkpoints.read import (
    UnsafeCheckpointError,
    read_checkpoint,
    state_dict_of,
)


class RunsCode:
    """Makes a folder while it is read."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def trusted(monkeypatch):
    monkeypatch.setattr(read, "_trusted", True)


def test_a_checkpoint_of_mmengine_is_read(tmp_path):
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


def test_code_is_not_run_but_named(tmp_path):
    torch.save({"state_dict": {}, "trap": RunsCode(tmp_path / "made")}, tmp_path / "bad.pth")
    with pytest.raises(UnsafeCheckpointError, match=r"bad.pth.*mkdir.*--trust-checkpoint"):
        read_checkpoint(tmp_path / "bad.pth")
    with pytest.raises(UnsafeCheckpointError):
        load_checkpoint(nn.Linear(1, 1), str(tmp_path / "bad.pth"))  # with MMEngine's function
    assert not (tmp_path / "made").exists()


def test_getattr_gives_only_methods_of_the_curves(tmp_path):
    class Reach:
        def __reduce__(self):
            return getattr, (HistoryBuffer, "__init__")

    torch.save({"trap": Reach()}, tmp_path / "bad.pth")
    with pytest.raises(UnsafeCheckpointError, match="__init__"):
        read_checkpoint(tmp_path / "bad.pth")


def test_a_trusted_file_may_run_code(tmp_path, trusted):
    torch.save({"state_dict": {}, "trap": RunsCode(tmp_path / "made")}, tmp_path / "own.pth")
    read_checkpoint(tmp_path / "own.pth")
    assert (tmp_path / "made").is_dir()


def test_a_bare_pickle_is_refused(tmp_path):
    (tmp_path / "old.pth").write_bytes(pickle.dumps({"trap": RunsCode(tmp_path / "made")}))
    with pytest.raises(ValueError, match=r"old.pth"):
        read_checkpoint(tmp_path / "old.pth")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_truncated_file_is_named(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(weights_as_bytes({"w": torch.randn(1000)}, suffix)[:-500])
    with pytest.raises(ValueError, match=rf"a{suffix} \([\d,]+ bytes\) is truncated"):
        read_checkpoint(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone.pth does not exist"):
        read_checkpoint(tmp_path / "gone.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_mmengine_loads_either_format_into_a_model(tmp_path, suffix):
    source, target, path = nn.Linear(3, 2), nn.Linear(3, 2), tmp_path / f"a{suffix}"
    path.write_bytes(weights_as_bytes(source.state_dict(), suffix))
    load_checkpoint(target, str(path))
    assert torch.equal(target.weight, source.weight)


@pytest.mark.parametrize("key", ["state_dict", "model", None])
def test_weights_are_found_under_the_usual_keys(key):
    weights = {"w": torch.ones(2)}
    content = weights if key is None else {key: weights | {"step": 1}, "meta": 1}
    assert state_dict_of(content, "x.pth") == weights


def test_content_that_is_not_weights_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"x.pth has no tensors; its keys: \['meta'\]"):
        state_dict_of({"meta": 1}, "x.pth")
    torch.save([1, 2], tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"a.pth contains a list"):
        read_checkpoint(tmp_path / "a.pth")
