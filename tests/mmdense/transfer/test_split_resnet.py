"""A ResNet whose last stage is in the RoI head is loaded as a whole, or not at all."""

import json
from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from mmdense.transfer.apply import LoadBackboneHook, load_backbone
from mmdense.transfer.convert import convert
from mmdense.transfer.split_resnet import SplitResNet, join_stages
from tests.mmdense.transfer.transfer_cases import (
    assert_equal_weights,
    build,
    names_with,
    randomised,
    refused,
    saved,
    small_resnet,
)
from tests.references import published_weights as published

THREE = {"num_stages": 3, "strides": (1, 2, 2), "dilations": (1, 1, 1), "out_indices": (2,)}
LAST = {"type": "mmdet.ResLayer", "depth": 18, "stage": 3, "norm_eval": False}


class C4(nn.Module):
    """What a C4 detector looks like from outside."""

    def __init__(self, stages=3, depth=18, **head):
        super().__init__()
        parts = THREE if stages == 3 else {}
        self.backbone = MODELS.build({"type": "mmdet.ResNet", "depth": depth, **parts})
        self.roi_head = nn.Module()
        self.roi_head.shared_head = MODELS.build({**LAST, "depth": depth, **head})


@pytest.fixture(scope="module")
def whole():
    return randomised(build(type="mmdet.ResNet", depth=18, out_indices=(3,)))


@pytest.fixture(scope="module")
def path(tmp_path_factory, whole):
    return saved(tmp_path_factory.mktemp("whole"), published.simsiam(whole.state_dict()))


def assert_filled(model, whole):
    for part in (model.backbone, model.roi_head.shared_head):
        found = {key: value for key, value in part.state_dict().items() if "layer" in key}
        assert_equal_weights(whole.state_dict(), found)


def test_both_parts_are_filled_and_compute_what_the_whole_computes(path, whole):
    model = C4()
    report = load_backbone(model.backbone, path, model=model)
    assert report.covered == 1 and "layer4.1.conv2.weight" in names_with(report, "matched")
    assert_filled(model, whole)
    images, joined = torch.randn(1, 3, 64, 64), join_stages(model.backbone, model).eval()
    model.eval()
    with torch.no_grad():
        (expected,), (found,) = whole(images), joined(images)
        by_model = model.roi_head.shared_head(model.backbone(images)[-1])
    assert torch.equal(found, expected) and torch.equal(by_model, expected)


@pytest.mark.parametrize("module", ["backbone", ""])
def test_the_hook_fills_both(tmp_path, path, whole, module):
    model = C4()
    hook = LoadBackboneHook(str(path), module=module)
    hook.before_train(SimpleNamespace(model=model, iter=0, hooks=[hook], work_dir=tmp_path))
    assert_filled(model, whole)
    (report,) = json.loads((tmp_path / "transfer.json").read_text())
    assert report["target"] == "SplitResNet" and report["covered"] == 1


def test_a_file_without_the_last_stage_is_refused(tmp_path, whole):
    weights = {key: value for key, value in whole.state_dict().items() if "layer4" not in key}
    model, three = C4(), saved(tmp_path, weights)
    before = model.roi_head.shared_head.layer4[0].conv1.weight.clone()
    refused(model.backbone, three, r"missing: layer4.0.conv1.weight", model=model)
    assert torch.equal(model.roi_head.shared_head.layer4[0].conv1.weight, before)
    assert load_backbone(model.backbone, three).covered == 1  # without the model around it


def test_other_modules_of_the_head_keep_their_values(path, whole):
    model = C4(type="mmdet.ResLayerExtraNorm")
    load_backbone(model.backbone, path, model=model)
    assert torch.equal(model.roi_head.shared_head.norm.weight, torch.ones(512))
    assert_filled(model, whole)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stages": 4}, "layer4 is in model.backbone and"),
        ({"depth": 50, "style": "caffe"}, "style='pytorch' and .*shared_head has 'caffe'"),
    ],
)
def test_parts_that_are_not_of_one_resnet_are_refused(options, message):
    with torch.device("meta"):
        model = C4(**options)
    with pytest.raises(ValueError, match=message):
        join_stages(model.backbone, model)


def test_other_models_and_backbones_are_not_joined():
    with torch.device("meta"):
        model = C4()
    other = small_resnet()
    assert isinstance(join_stages(model.backbone, model), SplitResNet)
    assert join_stages(other, model) is other
    assert join_stages(other, None) is other
    model.roi_head.shared_head = nn.Conv2d(1, 1, 1)
    assert join_stages(model.backbone, model) is model.backbone


def test_a_converted_file_fills_both(tmp_path, path, whole):
    config, source = tmp_path / "c4.py", tmp_path / "whole.py"
    config.write_text(
        f"model = dict(backbone=dict(type='mmdet.ResNet', depth=18, **{THREE}),\n"
        f"    roi_head=dict(shared_head=dict({LAST})))\n"
    )
    source.write_text("model = dict(backbone=dict(type='mmdet.ResNet', depth=18))\n")
    lines = list(convert(str(path), str(config), str(tmp_path / "c4.pth"), str(source)))
    assert lines[1].startswith("same features as")
    model = C4()
    load_backbone(model.backbone, tmp_path / "c4.pth", model=model)
    assert_filled(model, whole)
