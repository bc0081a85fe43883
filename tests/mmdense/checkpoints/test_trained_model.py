"""All weights of a trained model, and what happens if some are missing or unexpected."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

import mmdense  # noqa: F401
from mmdense.checkpoints.trained_model import load_trained

MODEL = """
default_scope = "mmpretrain"
custom_imports = dict(imports=["mmdense", "mmpretrain.models"])
model = dict(
    type="ImageClassifier",
    backbone=dict(type="ResNet", depth=18, stem_channels=4, base_channels=4),
    neck=dict(type="GlobalAveragePooling"),
    head=dict(type="LinearClsHead", num_classes={classes}, in_channels=32))
data_preprocessor = dict(mean=[100.0] * 3, std=[50.0] * 3, to_rgb=True)
"""


def config(folder, classes=3):
    path = folder / f"classes_{classes}.py"
    path.write_text(MODEL.replace("{classes}", str(classes)))
    return Config.fromfile(path)


@pytest.fixture
def weights(tmp_path):
    cfg = config(tmp_path)
    init_default_scope("mmpretrain")
    return MODELS.build(cfg.model).state_dict()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "epoch_1.pth"


def test_all_weights_are_loaded_in_eval_mode(tmp_path, weights, file):
    torch.save({"state_dict": weights, "meta": {}}, file)
    model = load_trained(config(tmp_path), file)
    assert all(torch.equal(value.cpu(), weights[key]) for key, value in model.state_dict().items())
    assert not any(module.training for module in model.modules())
    assert model.data_preprocessor.mean.flatten().tolist() == [100] * 3
    with pytest.raises(ValueError, match=r"epoch_1\.pth does not fit .*classes_5\.py: "):
        load_trained(config(tmp_path, classes=5), file)
    with pytest.raises(ValueError, match="has no model"):
        load_trained(Config({"default_scope": "mmpretrain"}), file)
    with pytest.raises(FileNotFoundError):
        load_trained(config(tmp_path), tmp_path / "absent.pth")


@pytest.mark.parametrize("without", [(), ("head.",)])
def test_missing_and_unexpected_weights_are_refused(tmp_path, weights, file, without):
    bias = {"head.fc.bias": weights["head.fc.bias"]}
    more = {**weights, "neck.a": torch.ones(1)}
    for content, message in (
        (bias, r"missing weights: backbone\.c"),
        (more, r"1 unexpected weights: neck\.a"),
    ):
        torch.save({"state_dict": content}, file)
        with pytest.raises(ValueError, match=message):
            load_trained(config(tmp_path), file, without=without)


@pytest.mark.parametrize("in_file", [True, False])
def test_unused_weights_may_be_missing(tmp_path, weights, file, in_file):
    kept = {key: value for key, value in weights.items() if in_file or not key.startswith("head.")}
    torch.save({"state_dict": kept}, file)
    model = load_trained(config(tmp_path), file, without=("head.",))
    assert torch.equal(model.backbone.conv1.weight.cpu(), weights["backbone.conv1.weight"])
