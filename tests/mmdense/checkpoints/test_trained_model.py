"""All weights of a trained model, and what is said where some are missing or unknown."""

import pytest
import torch
from mmengine.config import Config

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


def configured(folder, classes=3):
    path = folder / f"classes_{classes}.py"
    path.write_text(MODEL.replace("{classes}", str(classes)))
    return Config.fromfile(path)


def test_all_weights_are_loaded_in_eval_mode(tmp_path):
    from mmengine.registry import MODELS, init_default_scope

    cfg = configured(tmp_path)
    init_default_scope("mmpretrain")
    torch.manual_seed(0)
    weights = MODELS.build(cfg.model).state_dict()
    file = tmp_path / "epoch_1.pth"
    torch.save({"state_dict": weights, "meta": {}}, file)
    model = load_trained(cfg, file)
    assert all(torch.equal(value.cpu(), weights[key]) for key, value in model.state_dict().items())
    assert not any(module.training for module in model.modules())
    assert model.data_preprocessor.mean.flatten().tolist() == [100] * 3
    with pytest.raises(ValueError, match=r"epoch_1\.pth is not of .*classes_5\.py"):
        load_trained(configured(tmp_path, classes=5), file)
    torch.save({"state_dict": {"head.fc.bias": weights["head.fc.bias"]}}, file)
    with pytest.raises(ValueError, match=r"lacks \d+ weights of the model .*: backbone\.conv1"):
        load_trained(cfg, file)
    more = {**weights, "head.fc.scale": torch.ones(1)}
    torch.save({"state_dict": more}, file)
    with pytest.raises(ValueError, match=r"has besides 1 weights .*: head\.fc\.scale; is it"):
        load_trained(cfg, file)
    with pytest.raises(FileNotFoundError):
        load_trained(cfg, tmp_path / "absent.pth")
    with pytest.raises(ValueError, match="has no model"):
        load_trained(Config({"default_scope": "mmpretrain"}), file)


@pytest.mark.parametrize("of_head", [True, False])
def test_weights_that_nobody_will_use_may_lack(tmp_path, of_head):
    from mmengine.registry import MODELS, init_default_scope

    cfg = configured(tmp_path)
    init_default_scope("mmpretrain")
    weights = MODELS.build(cfg.model).state_dict()
    kept = {name: one for name, one in weights.items() if of_head or not name.startswith("head.")}
    file = tmp_path / "epoch_1.pth"
    torch.save({"state_dict": kept}, file)
    model = load_trained(cfg, file, without=("head.",))
    assert torch.equal(model.backbone.conv1.weight.cpu(), weights["backbone.conv1.weight"])
    torch.save({"state_dict": {**kept, "neck.scale": torch.ones(1)}}, file)
    with pytest.raises(ValueError, match=r"has besides 1 weights .*: neck\.scale"):
        load_trained(cfg, file, without=("head.",))
