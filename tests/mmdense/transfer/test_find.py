"""Which backbone of a file is loaded."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import EMAHook
from torch import nn

from mmdense.transfer.apply import load_backbone
from tests.mmdense.transfer.transfer_cases import refused, saved, small_resnet, vit
from tests.references import published_weights as published


def assert_branches(path, branches):
    """Each branch gives the weights of a backbone, and is reported by its name."""
    for branch, (name, expected) in branches.items():
        target = small_resnet()
        assert load_backbone(target, path, branch=branch).branch == name
        assert torch.equal(target.conv1.weight, expected.conv1.weight), branch


@pytest.mark.parametrize("location", ["state_dict.encoder.net", "a.b"])
def test_any_prefix_is_found(tmp_path, location):
    first, _, prefix = location.partition(".")
    content = {first: published.under(f"{prefix}.", small_resnet().state_dict())}
    assert load_backbone(small_resnet(), saved(tmp_path, content)).location == location


@pytest.mark.parametrize("content", [{"state_dict": {"neck.weight": torch.ones(2)}}, {"meta": {}}])
def test_a_file_without_a_backbone_is_refused(tmp_path, content):
    refused(small_resnet(), saved(tmp_path, content), "file.pth has no backbone")


def test_a_backbone_of_no_known_scheme_is_found_by_the_keys_of_the_target(tmp_path):
    source, target = (nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)) for _ in range(2))
    path = saved(tmp_path, {"state_dict": published.under("module.x.", source.state_dict())})
    report = load_backbone(target, path)
    assert report.covered == 1 and report.location == "state_dict.module.x"
    assert torch.equal(target[1].weight, source[1].weight)


def test_a_branch_that_is_missing_or_unknown_is_refused(tmp_path):
    path = saved(tmp_path, published.dino())
    there = r"student.module.backbone \(student\); teacher.backbone \(teacher\)"
    refused(vit(), path, rf"has no ema. It has {there}", branch="ema")
    refused(vit(), path, "branch='EMA': choose one of student, teacher, ema", branch="EMA")


def test_several_that_differ_are_refused(tmp_path):
    path = saved(tmp_path, {name: small_resnet().state_dict() for name in "ab"})
    refused(small_resnet(), path, r"several backbones: a \(student\); b \(student\)\. .*--branch")
    three = {name: small_resnet() for name in ("student", "teacher", "ema")}
    path = saved(tmp_path, {name: model.state_dict() for name, model in three.items()})
    refused(small_resnet(), path, r"several backbones: teacher \(teacher\); ema \(ema\)\.")
    assert_branches(path, {name: (name, model) for name, model in three.items()})


@pytest.mark.parametrize("key", ["model_ema", "state_dict_ema", "ema_state_dict", "ema"])
def test_an_average_beside_the_model_is_a_branch(tmp_path, key):
    model, average = small_resnet(), small_resnet()
    path = saved(tmp_path, {"state_dict": model.state_dict(), key: average.state_dict()})
    ema = ("ema", average)
    assert_branches(path, {None: ema, "ema": ema, "student": ("student", model)})
    there = rf"has no teacher. It has state_dict \(student\); {key} \(ema\)"
    refused(small_resnet(), path, there, branch="teacher")


def test_the_average_of_mmengine_is_in_state_dict(tmp_path):
    model, trained = nn.Module(), small_resnet()
    model.backbone = small_resnet()
    hook = EMAHook()
    hook.before_run(SimpleNamespace(model=model))
    average = small_resnet()
    average.load_state_dict(model.backbone.state_dict())
    model.backbone.load_state_dict(trained.state_dict())
    content = {"state_dict": model.state_dict()}
    hook.before_save_checkpoint(None, content)
    path = saved(tmp_path, content)
    ema = ("ema", average)
    assert_branches(path, {None: ema, "ema": ema, "student": ("student", trained)})
    there = r"state_dict.backbone \(ema\); ema_state_dict.module.backbone \(student\)"
    refused(small_resnet(), path, rf"has no teacher. It has {there}", branch="teacher")


def test_the_state_of_an_optimizer_is_refused(tmp_path):
    optimizer = torch.optim.AdamW(small_resnet().parameters())
    path = saved(tmp_path, optimizer.state_dict())
    refused(small_resnet(), path, "file.pth: .*state of an optimizer")
