"""What a backbone computes after a transfer is what its source computes."""

import mmdense  # noqa: F401 (first: torchvision and mmdet import what it supplies)

# isort: split
import pytest
import torch
import torchvision
from safetensors.torch import save_file

from mmdense.transfer.backbone import load_backbone
from tests.mmdense.transfer.test_dialects import (
    CASES,
    HEADS,
    SIZE,
    build,
    mm_resnet,
    mm_swin,
    mmseg_vit,
    randomised,
    resnet,
    swin,
    torchvision_vit,
    vit,
    vit_of_patches,
)
from tests.references import published_weights as published
from tests.references.vit_loop import vit_features


def features(backbone, image):
    with torch.no_grad():
        return backbone(image)[-1]


@pytest.mark.parametrize("target", [vit, mmseg_vit])
@pytest.mark.parametrize("make", [published.timm_vit, published.dinov2])
def test_a_vit_computes_what_its_source_computes(tmp_path, target, make):
    weights = make()
    torch.save(weights, tmp_path / "vit.pth")
    backbone = target() if "blocks.0.ls1.gamma" not in weights or target is mmseg_vit else None
    backbone = backbone or vit(layer_scale_init_value=1e-5)
    load_backbone(backbone, tmp_path / "vit.pth")
    image = torch.randn(2, 3, SIZE, SIZE)
    expected = vit_features(weights, image, heads=HEADS)
    found = features(backbone, image)
    if target is mmseg_vit:
        expected = expected[:, 1:].transpose(1, 2).reshape(2, -1, published.GRID, published.GRID)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_selfpatch_computes_the_same_without_and_its_patches_fill_a_vit_with_a_class_token(
    tmp_path,
):
    weights = published.selfpatch_vit(seed=2)
    torch.save(published.selfpatch(), tmp_path / "selfpatch.pth")
    backbone = vit_of_patches()
    assert load_backbone(backbone, tmp_path / "selfpatch.pth").covered == 1
    image = torch.randn(2, 3, SIZE, SIZE)
    expected = vit_features(weights, image, heads=HEADS, final_norm=False)  # [2, patches, C]
    found = features(backbone, image).flatten(2).transpose(1, 2)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)

    with_token = vit(final_norm=False)
    token = with_token.cls_token.clone()
    with pytest.raises(ValueError, match=r"missing: cls_token \(.*with_cls_token=False.*featmap"):
        load_backbone(with_token, tmp_path / "selfpatch.pth")
    report = load_backbone(with_token, tmp_path / "selfpatch.pth", allow=["cls_token"])
    assert 0.9 < report.covered < 1 and torch.equal(with_token.cls_token, token)
    assert torch.equal(with_token.pos_embed[:, 1:], weights["pos_embed"])
    assert not with_token.pos_embed[:, 0].any()
    with pytest.raises(ValueError, match=r"missing: cls_token .*ln1.weight \(.*final_norm=False"):
        load_backbone(vit(), tmp_path / "selfpatch.pth")


def test_a_bias_of_patches_without_a_place_is_put_into_the_positions(tmp_path):
    weights = published.timm_vit()
    torch.save(weights, tmp_path / "vit.pth")
    backbone = mmseg_vit(patch_bias=False)
    report = load_backbone(backbone, tmp_path / "vit.pth")
    assert [entry.name for entry in report.entries if entry.status == "folded"] == [
        "patch_embed.proj.bias"
    ]
    image = torch.randn(2, 3, SIZE, SIZE)
    expected = vit_features(weights, image, heads=HEADS)[:, 1:].transpose(1, 2)
    found = features(backbone, image).flatten(2)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    load_backbone(mmseg_vit(patch_bias=False, img_size=(SIZE, 2 * SIZE)), tmp_path / "vit.pth")


def test_a_vit_of_torchvision_computes_the_same_in_mmpretrain(tmp_path):
    source = torchvision_vit()
    torch.save(source.state_dict(), tmp_path / "vit.pth")
    backbone = vit()
    load_backbone(backbone, tmp_path / "vit.pth")
    image = torch.randn(2, 3, SIZE, SIZE)
    with torch.no_grad():
        tokens = source._process_input(image)
        tokens = source.encoder(torch.cat((source.class_token.expand(2, -1, -1), tokens), dim=1))
    torch.testing.assert_close(features(backbone, image), tokens, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("scope", ["mmpretrain", "mmdet", "mmseg"])
def test_a_swin_of_torchvision_computes_the_same_in_the_hosts(tmp_path, scope):
    source = swin()
    torch.save(source.state_dict(), tmp_path / "swin.pth")
    backbone = mm_swin(scope)
    load_backbone(backbone, tmp_path / "swin.pth")
    image = torch.randn(2, 3, 128, 192)  # maps of 4 x 6 at the end, larger than a window
    with torch.no_grad():
        expected = source.norm(source.features(image)).permute(0, 3, 1, 2)
    torch.testing.assert_close(features(backbone, image), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("scope", ["mmpretrain", "mmdet", "mmseg"])
def test_a_resnet_of_torchvision_computes_the_same_in_the_hosts(tmp_path, scope):
    source = randomised(torchvision.models.resnet18())
    torch.save(source.state_dict(), tmp_path / "resnet.pth")
    backbone = build(type=f"{scope}.ResNet", depth=18)
    load_backbone(backbone, tmp_path / "resnet.pth")
    image = torch.randn(1, 3, 64, 64)
    parts = [*source.children()][:-2]
    with torch.no_grad():
        expected = torch.nn.Sequential(*parts)(image)
    torch.testing.assert_close(features(backbone, image), expected, atol=1e-5, rtol=1e-5)


def test_safetensors(tmp_path):
    save_file(published.timm_vit(), tmp_path / "vit.safetensors")
    assert load_backbone(vit(), tmp_path / "vit.safetensors").covered == 1


def test_there_and_back_gives_the_same_weights(tmp_path):
    weights = published.timm_vit()
    torch.save(weights, tmp_path / "there.pth")
    there = mmseg_vit()
    load_backbone(there, tmp_path / "there.pth")
    torch.save(there.state_dict(), tmp_path / "back.pth")
    back, straight = vit(), vit()
    load_backbone(back, tmp_path / "back.pth")
    load_backbone(straight, tmp_path / "there.pth")
    for name, value in straight.state_dict().items():
        assert torch.equal(back.state_dict()[name], value), name


@pytest.mark.parametrize("kind", ["swin", "resnet", "torchvision"])
def test_other_families_come_back_as_they_were(tmp_path, kind):
    source, there, back = {
        "swin": (randomised(mm_swin()), mm_swin("mmpretrain"), mm_swin()),
        "resnet": (
            randomised(build(type="mmdet.ResNet", depth=18)),
            build(type="mmpretrain.ResNet", depth=18),
            build(type="mmdet.ResNet", depth=18),
        ),
        "torchvision": (torchvision_vit(), vit(), torchvision_vit()),
    }[kind]
    torch.save(source.state_dict(), tmp_path / "source.pth")
    load_backbone(there, tmp_path / "source.pth")
    torch.save(there.state_dict(), tmp_path / "there.pth")
    randomised(back, seed=1)
    load_backbone(back, tmp_path / "there.pth", allow=["heads.*"])
    found = back.state_dict()
    for name, value in source.state_dict().items():
        if not name.startswith("heads.") and not name.endswith("num_batches_tracked"):
            assert torch.equal(found[name], value), name


RESNETS = [
    name for name, case in CASES.items() if case[1] is mm_resnet and "MMDetection" not in name
]
SWINS = ["Swin of its authors", "timm Swin"]


@pytest.mark.parametrize("name", [*RESNETS, *SWINS])
def test_every_dialect_brings_every_weight_to_its_own_place(tmp_path, name):
    make, target, *_ = CASES[name]
    torch.save(make(), tmp_path / "dialect.pth")
    torch.save(resnet(1) if name in RESNETS else swin().state_dict(), tmp_path / "plain.pth")
    found, expected = target(), target()
    load_backbone(found, tmp_path / "dialect.pth")
    load_backbone(expected, tmp_path / "plain.pth")
    for key, value in found.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            assert torch.equal(value, expected.state_dict()[key]), key
