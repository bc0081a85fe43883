"""Which backbone of a file is taken."""

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import EMAHook
from mmpretrain.models import ResNet
from torch import nn

from mmdense.transfer.backbone import LoadBackboneHook, load_backbone
from mmdense.transfer.strict_pretrained import StrictPretrained
from tests.mmdense.transfer.test_dialects import resnet, vit
from tests.mmdense.transfer.transfer_cases import refused, saved, small_resnet
from tests.references import published_weights as published
from tools.transfer import parse_arguments


def test_a_wrong_prefix_is_found_or_refused(tmp_path):
    weights = small_resnet().state_dict()
    path = saved(tmp_path, {"state_dict": published.under("encoder.net.", weights)})
    assert load_backbone(small_resnet(), path).place == "state_dict.encoder.net"
    path = saved(tmp_path, {"state_dict": {"neck.fc.weight": torch.ones(2, 2)}})
    refused(small_resnet(), path, "holds no backbone")


def test_the_branch_is_told_and_can_be_chosen(tmp_path):
    path = saved(tmp_path, published.dino())
    wanted = {"student": published.timm_vit(seed=1), "teacher": published.timm_vit(seed=2)}
    for branch, name in ((None, "teacher"), ("student", "student"), ("teacher", "teacher")):
        backbone = vit()
        report = load_backbone(backbone, path, branch=branch)
        assert report.branch == name and name in str(report)
        assert torch.equal(backbone.cls_token, wanted[name]["cls_token"])
    path = saved(tmp_path, published.timm_vit())
    refused(
        vit(),
        path,
        r"has no teacher; there is the file itself \(student\)\. .*--branch",
        branch="teacher",
    )


def test_several_that_differ_are_refused_with_a_way_out(tmp_path):
    content = {"a": small_resnet().state_dict(), "b": small_resnet().state_dict()}
    refused(
        small_resnet(),
        saved(tmp_path, content),
        r"several backbones: a \(student\); b \(student\)\. .*--branch",
    )


def test_encoders_of_keys_are_not_taken_by_themselves(tmp_path):
    path = saved(tmp_path, published.moco_v2(resnet(1), resnet(2)))
    backbone = ResNet(18)
    load_backbone(backbone, path)
    assert torch.equal(backbone.conv1.weight, resnet(1)["conv1.weight"])
    load_backbone(backbone, path, branch="teacher")
    assert torch.equal(backbone.conv1.weight, resnet(2)["conv1.weight"])


def test_what_mmengine_averages_stands_in_state_dict(tmp_path):
    model = nn.Module()
    model.backbone = small_resnet()
    hook = EMAHook()
    hook.before_run(SimpleNamespace(model=model))
    trained = small_resnet().state_dict()
    averaged = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    model.backbone.load_state_dict(trained)
    content = {"state_dict": model.state_dict()}
    hook.before_save_checkpoint(None, content)
    path = saved(tmp_path, content)
    for branch, expected in ((None, averaged), ("ema", averaged), ("student", trained)):
        backbone = small_resnet()
        assert load_backbone(backbone, path, branch=branch).branch == (branch or "ema")
        assert torch.equal(backbone.conv1.weight, expected["conv1.weight"])
    found = r"state_dict.backbone \(ema\); ema_state_dict.module.backbone \(student\)"
    refused(small_resnet(), path, rf"has no teacher; there is {found}", branch="teacher")


@pytest.mark.parametrize("place", ["model_ema", "state_dict_ema", "ema_state_dict", "ema"])
def test_an_average_is_a_branch_of_its_own(tmp_path, place):
    model, average = small_resnet(), small_resnet()
    path = saved(tmp_path, {"state_dict": model.state_dict(), place: average.state_dict()})
    for branch, expected in ((None, average), ("ema", average), ("student", model)):
        backbone = small_resnet()
        assert load_backbone(backbone, path, branch=branch).branch == (branch or "ema")
        assert torch.equal(backbone.conv1.weight, expected.conv1.weight)
    found = rf"has no teacher; there is state_dict \(student\); {place} \(ema\)"
    refused(small_resnet(), path, found, branch="teacher")


def test_a_teacher_is_no_average(tmp_path):
    message = r"has no ema; there is student.module.backbone \(student\); teacher.backbone \(teac"
    refused(vit(), saved(tmp_path, published.dino()), message, branch="ema")
    both = {place: small_resnet().state_dict() for place in ("student", "teacher", "ema")}
    path = saved(tmp_path, both)
    refused(
        small_resnet(), path, r"several backbones: teacher \(teacher\); ema \(ema\)\. .*--branch"
    )
    for branch, weights in both.items():
        backbone = small_resnet()
        load_backbone(backbone, path, branch=branch)
        assert torch.equal(backbone.conv1.weight, weights["conv1.weight"])


def test_a_branch_of_no_such_name_is_refused(tmp_path):
    path = saved(tmp_path, small_resnet().state_dict())
    message = "branch='EMA' is none of student, teacher, ema"
    refused(small_resnet(), path, message, branch="EMA")


def test_every_place_that_takes_a_branch_takes_an_average(tmp_path, monkeypatch):
    model, average = small_resnet(), small_resnet()
    path = str(
        saved(tmp_path, {"state_dict": model.state_dict(), "model_ema": average.state_dict()})
    )
    for branch, expected in (("ema", average), ("student", model)):
        started, hooked = small_resnet(), nn.Module()
        StrictPretrained(path, branch=branch)(started)
        hooked.backbone = small_resnet()
        hook = LoadBackboneHook(path, branch=branch)
        hook.before_train(
            SimpleNamespace(iter=0, model=hooked, hooks=[hook], work_dir=str(tmp_path))
        )
        for backbone in (started, hooked.backbone):
            assert torch.equal(backbone.conv1.weight, expected.conv1.weight)
    command = ["transfer.py", path, "--to", "config.py", "--branch", "ema"]
    monkeypatch.setattr("sys.argv", command)
    assert parse_arguments().branch == "ema"


def test_an_optimizer_is_no_model(tmp_path):
    optimizer = torch.optim.AdamW(small_resnet().parameters())
    refused(
        small_resnet(),
        saved(tmp_path, optimizer.state_dict()),
        "file.pth: .*states of an optimizer",
    )
