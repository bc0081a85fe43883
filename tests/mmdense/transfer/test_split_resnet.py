"""A ResNet whose last stage stands in the RoI head is filled whole, or not at all."""

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
import json
from types import SimpleNamespace

import mmpretrain.models  # noqa: F401 (registers ResLayerExtraNorm)
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from torch import nn

from mmdense.transfer.backbone import LoadBackboneHook, load_backbone, load_model
from mmdense.transfer.convert import convert
from mmdense.transfer.split_resnet import SplitResNet, join_stages
from tests.mmdense.transfer.transfer_cases import saved, small_resnet
from tests.references import published_weights as published

THREE = {"num_stages": 3, "strides": (1, 2, 2), "dilations": (1, 1, 1), "out_indices": (2,)}
LAST = {"type": "mmdet.ResLayer", "depth": 18, "stage": 3, "norm_eval": False}


class C4(nn.Module):
    """What a detector of the C4 kind looks like from outside."""

    def __init__(self, stages=3, depth=18, **head):
        super().__init__()
        parts = THREE if stages == 3 else {}
        self.backbone = MODELS.build({"type": "mmdet.ResNet", "depth": depth, **parts})
        self.roi_head = nn.Module()
        self.roi_head.shared_head = MODELS.build({**LAST, "depth": depth, **head})


@pytest.fixture(scope="module")
def whole():
    torch.manual_seed(0)
    resnet = MODELS.build({"type": "mmdet.ResNet", "depth": 18, "out_indices": (3,)})
    for name, value in resnet.state_dict().items():
        if "running_var" not in name and value.is_floating_point():
            value.normal_(std=0.05)
    resnet.eval()  # returns nothing in MMDetection
    return resnet


def test_both_places_are_filled(tmp_path, whole):
    model = C4()
    path = saved(tmp_path, published.simsiam(whole.state_dict()))
    report = load_backbone(model.backbone, path, model=model)
    assert report.covered == 1 and "layer4.1.conv2.weight" in [e.name for e in report.entries]
    for part in (model.backbone, model.roi_head.shared_head):
        for name, value in part.state_dict().items():
            assert torch.equal(value, whole.state_dict()[name]), name


def test_together_they_compute_what_the_whole_computes(tmp_path, whole):
    model = C4().eval()
    load_backbone(model.backbone, saved(tmp_path, whole.state_dict()), model=model)
    images = torch.randn(1, 3, 64, 64)
    joined = join_stages(model.backbone, model).eval()
    with torch.no_grad():
        (expected,), (found,) = whole(images), joined(images)
        by_model = model.roi_head.shared_head(model.backbone(images)[-1])
    assert torch.equal(found, expected) and torch.equal(by_model, expected)


@pytest.mark.parametrize("module", ["backbone", ""])
def test_the_hook_fills_both(tmp_path, whole, module):
    model = C4()
    hook = LoadBackboneHook(str(saved(tmp_path, whole.state_dict())), module=module)
    hook.before_train(SimpleNamespace(model=model, iter=0, hooks=[hook], work_dir=tmp_path))
    last = model.roi_head.shared_head.state_dict()
    assert all(torch.equal(value, whole.state_dict()[name]) for name, value in last.items())
    (report,) = json.loads((tmp_path / "transfer.json").read_text())
    assert report["target"] == "SplitResNet" and report["covered"] == 1


def test_a_file_without_the_last_stage_ends_the_load(tmp_path, whole):
    weights = {n: value for n, value in whole.state_dict().items() if "layer4" not in n}
    model = C4()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ValueError, match=r"missing: layer4.0.conv1.weight"):
        load_backbone(model.backbone, saved(tmp_path, weights), model=model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    load_backbone(C4().backbone, saved(tmp_path, weights))  # the three stages alone would fit


def test_what_else_the_head_holds_stays_as_it_is(tmp_path, whole):
    model = C4(type="mmdet.ResLayerExtraNorm")
    load_backbone(model.backbone, saved(tmp_path, whole.state_dict()), model=model)
    head = model.roi_head.shared_head
    assert torch.equal(head.norm.weight, torch.ones(512))
    assert torch.equal(head.layer4[1].conv2.weight, whole.layer4[1].conv2.weight)


def test_a_file_of_the_whole_detector_fills_the_whole_detector(tmp_path):
    source, target = C4(), C4()
    report = load_model(target, saved(tmp_path, {"state_dict": source.state_dict()}))
    assert report.target == "C4" and report.covered == 1
    same = zip(target.state_dict().values(), source.state_dict().values())
    assert all(torch.equal(one, other) for one, other in same)


def test_the_stride_of_the_file_is_still_asked_for(tmp_path):
    with torch.device("meta"):
        state = MODELS.build({"type": "mmdet.ResNet", "depth": 50}).state_dict()
    state = {name: torch.zeros(()).expand(value.shape) for name, value in state.items()}
    text = Config({"model": {"backbone": {"type": "ResNet", "style": "caffe"}}}).pretty_text
    content = {"state_dict": published.under("backbone.", state), "meta": {"cfg": text}}
    with torch.device("meta"):
        model = C4(depth=50)
    with pytest.raises(ValueError, match="style: .*'caffe', SplitResNet has style='pytorch'"):
        load_backbone(model.backbone, saved(tmp_path, content), model=model)


def test_parts_that_are_no_halves_of_one_resnet_are_refused():
    with torch.device("meta"):
        doubled, mixed = C4(stages=4), C4(depth=50, style="caffe")
    with pytest.raises(ValueError, match="layer4 stands in model.backbone and"):
        join_stages(doubled.backbone, doubled)
    with pytest.raises(ValueError, match="style='pytorch' and .*shared_head has 'caffe'"):
        join_stages(mixed.backbone, mixed)


def test_other_models_and_other_backbones_are_left_alone():
    model, other = C4(), small_resnet()
    assert isinstance(join_stages(model.backbone, model), SplitResNet)
    assert join_stages(other, model) is other
    assert join_stages(other, None) is other
    model.roi_head.shared_head = nn.Conv2d(1, 1, 1)
    assert join_stages(model.backbone, model) is model.backbone


def test_the_tool_writes_a_file_that_fills_both(tmp_path, whole):
    config = tmp_path / "c4.py"
    config.write_text(
        f"model = dict(backbone=dict(type='mmdet.ResNet', depth=18, **{THREE}),\n"
        f"    roi_head=dict(shared_head=dict({LAST})))\n"
    )
    source = tmp_path / "whole.py"
    source.write_text("model = dict(backbone=dict(type='mmdet.ResNet', depth=18))\n")
    path, out = str(saved(tmp_path, whole.state_dict())), str(tmp_path / "c4.pth")
    lines = list(convert(path, str(config), out, str(source)))
    assert lines[1].startswith("the same features as")
    model = C4()
    load_backbone(model.backbone, out, model=model)
    last = model.roi_head.shared_head.state_dict()
    assert all(torch.equal(value, whole.state_dict()[name]) for name, value in last.items())
