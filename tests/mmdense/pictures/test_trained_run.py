"""What the folder of a run holds, and what is said where something is missing."""

import pytest
import torch
from mmengine.config import Config
from torch import nn

import mmdense  # noqa: F401
from mmdense.pictures.trained_run import backbone_of, find_checkpoint, find_config, load_trained

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


def test_the_config_of_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        find_config(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match=r"has no config: looked for .*\*\.py"):
        find_config(tmp_path)
    (tmp_path / "a.py").write_text("")
    assert find_config(tmp_path) == tmp_path / "a.py"
    (tmp_path / "b.py").write_text("")
    with pytest.raises(ValueError, match=r"2 configs, a\.py, b\.py; choose with --config"):
        find_config(tmp_path)


def test_the_last_checkpoint_also_of_a_folder_that_was_moved(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint: looked for the file .*last_check"):
        find_checkpoint(tmp_path)
    (tmp_path / "last_checkpoint").write_text("/elsewhere/run/epoch_3.pth\n")
    with pytest.raises(FileNotFoundError, match=r"names /elsewhere/run/epoch_3\.pth, which is not"):
        find_checkpoint(tmp_path)
    (tmp_path / "epoch_3.pth").write_bytes(b"")
    assert find_checkpoint(tmp_path) == tmp_path / "epoch_3.pth"
    (tmp_path / "last_checkpoint").write_text(str(tmp_path / "epoch_3.pth"))
    assert find_checkpoint(tmp_path) == tmp_path / "epoch_3.pth"


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
    assert backbone_of(model) is model.backbone
    with pytest.raises(ValueError, match=r"epoch_1\.pth is not of .*classes_5\.py"):
        load_trained(configured(tmp_path, classes=5), file)
    torch.save({"state_dict": {"head.fc.bias": weights["head.fc.bias"]}}, file)
    with pytest.raises(ValueError, match=r"lacks \d+ weights of the model .*: backbone\.conv1"):
        load_trained(cfg, file)
    with pytest.raises(FileNotFoundError):
        load_trained(cfg, tmp_path / "absent.pth")
    with pytest.raises(ValueError, match="has no model"):
        load_trained(Config({"default_scope": "mmpretrain"}), file)


def test_a_model_without_a_backbone_is_named():
    with pytest.raises(
        ValueError, match="Sequential has no backbone: looked for the module .*0, 1"
    ):
        backbone_of(nn.Sequential(nn.Identity(), nn.Identity()))
