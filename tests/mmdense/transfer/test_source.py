"""Which backbone of a file is taken."""

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
import torch
from mmpretrain.models import ResNet

from mmdense.transfer.backbone import load_backbone
from tests.mmdense.transfer.test_dialects import resnet, vit
from tests.mmdense.transfer.transfer_cases import refused, saved, small_resnet
from tests.references import published_weights as published


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
    refused(small_resnet(), saved(tmp_path, content), r"several backbones: a; b\. .*--branch")


def test_encoders_of_keys_are_not_taken_by_themselves(tmp_path):
    path = saved(tmp_path, published.moco_v2(resnet(1), resnet(2)))
    backbone = ResNet(18)
    load_backbone(backbone, path)
    assert torch.equal(backbone.conv1.weight, resnet(1)["conv1.weight"])
    load_backbone(backbone, path, branch="teacher")
    assert torch.equal(backbone.conv1.weight, resnet(2)["conv1.weight"])


def test_what_mmengine_averages_stands_in_state_dict(tmp_path):
    # Its EMAHook swaps the two when it saves.
    content = {
        "state_dict": published.under("backbone.", resnet(1)),
        "ema_state_dict": published.under("module.backbone.", resnet(2)),
    }
    path = saved(tmp_path, content)
    backbone = ResNet(18)
    assert load_backbone(backbone, path).branch == "teacher"
    assert torch.equal(backbone.conv1.weight, resnet(1)["conv1.weight"])
    load_backbone(backbone, path, branch="student")
    assert torch.equal(backbone.conv1.weight, resnet(2)["conv1.weight"])


def test_an_optimizer_is_no_model(tmp_path):
    optimizer = torch.optim.AdamW(small_resnet().parameters())
    refused(
        small_resnet(),
        saved(tmp_path, optimizer.state_dict()),
        "file.pth: .*states of an optimizer",
    )
