import hashlib

import pytest
import torch

from mmdense.checkpoints.publish import publish
from mmdense.checkpoints.read import read_checkpoint


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "run" / "epoch_3.pth"
    path.parent.mkdir()
    weights = {"backbone.w": torch.arange(4.0), "head.b": torch.ones(1)}
    torch.save({"state_dict": weights, "optimizer": {"lr": 1}, "meta": {"cfg": "/home"}}, path)
    return path


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_alone_under_the_hash_of_the_file(source, tmp_path, suffix):
    path = publish(source, tmp_path / "out", suffix=suffix)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert path == tmp_path / "out" / f"epoch_3-{digest[:8]}{suffix}"
    content = read_checkpoint(path)
    assert list(content) == ["state_dict"]
    assert torch.equal(content["state_dict"]["backbone.w"], torch.arange(4.0))
    assert publish(source, tmp_path / "out", suffix=suffix) == path  # same weights, same bytes


def test_it_lies_beside_the_source_by_default(source):
    assert publish(source).parent == source.parent


def test_another_suffix_is_refused(source):
    with pytest.raises(ValueError, match=r"'.onnx': give .pth or .safetensors"):
        publish(source, suffix=".onnx")
