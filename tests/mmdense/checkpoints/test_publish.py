import hashlib

import pytest
import torch

from mmdense.checkpoints.publish import publish
from mmdense.checkpoints.read import read_checkpoint


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "run" / "epoch_3.pth"
    path.parent.mkdir()
    value = torch.arange(4.0)
    weights = {"backbone.w": value, "head.b": value}  # shared memory
    torch.save({"state_dict": weights, "optimizer": {"lr": 1}, "meta": {"cfg": "/home"}}, path)
    return path


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("folder", ["out", None])
def test_the_file_has_only_weights_and_its_hash_in_its_name(source, tmp_path, suffix, folder):
    folder = folder and tmp_path / folder
    path = publish(source, folder, suffix=suffix)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert path == (folder or source.parent) / f"epoch_3-{digest[:8]}{suffix}"
    content = read_checkpoint(path)
    assert list(content) == ["state_dict"]
    assert content["state_dict"].keys() == {"backbone.w", "head.b"}
    assert torch.equal(content["state_dict"]["backbone.w"], torch.arange(4.0))
    assert publish(source, folder, suffix=suffix) == path  # same weights, same bytes


def test_another_suffix_is_refused(source):
    with pytest.raises(ValueError, match=r"'.onnx' .*.pth or .safetensors"):
        publish(source, suffix=".onnx")
