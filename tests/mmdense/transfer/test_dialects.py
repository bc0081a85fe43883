"""Every published layout of a checkpoint fills the backbones of the hosts, to the last number."""

import mmdense  # noqa: F401 (first: torchvision and mmdet import what it supplies)

# isort: split
import mmdet.models
import mmseg.models
import pytest
import torch
import torchvision
from mmengine.registry import MODELS
from safetensors.torch import save_file

from mmdense.transfer.backbone import load_backbone
from tests.references import published_weights as published
from tests.references.vit_loop import vit_features

HEADS = 2
SIZE = published.PATCH * published.GRID


def resnet(seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return torchvision.models.resnet18().state_dict()


def swin() -> torch.nn.Module:
    torch.manual_seed(0)
    return torchvision.models.SwinTransformer(
        [4, 4], embed_dim=16, depths=[2, 2, 2, 2], num_heads=[1, 2, 4, 8], window_size=[2, 2]
    ).eval()


def torchvision_vit() -> torch.nn.Module:
    torch.manual_seed(0)
    return torchvision.models.VisionTransformer(
        SIZE, published.PATCH, published.DEPTH, HEADS, published.WIDTH, 4 * published.WIDTH
    ).eval()


def build(**cfg):
    """In eval mode; ``eval()`` of the hosts' backbones returns nothing."""
    backbone = MODELS.build(cfg)
    backbone.eval()
    return backbone


def vit(**more):
    arch = {
        "embed_dims": published.WIDTH,
        "num_layers": published.DEPTH,
        "num_heads": HEADS,
        "feedforward_channels": 4 * published.WIDTH,
    }
    cfg = {"type": "mmpretrain.VisionTransformer", "arch": arch, "img_size": SIZE}
    return build(**{**cfg, "patch_size": published.PATCH, "out_type": "raw", **more})


def mmseg_vit(**more):
    cfg = {
        "type": "mmseg.VisionTransformer",
        "img_size": SIZE,
        "patch_size": published.PATCH,
        "patch_bias": True,
        "embed_dims": published.WIDTH,
        "num_layers": published.DEPTH,
        "num_heads": HEADS,
        "final_norm": True,
        "norm_cfg": {"type": "LN", "eps": 1e-6},
    }
    return build(**{**cfg, **more})


def mm_resnet():
    return build(type="mmdet.ResNet", depth=18)


def mm_swin(scope: str = "mmdet"):
    cfg = {"type": f"{scope}.SwinTransformer", "out_indices": (3,), "window_size": 2}
    if scope == "mmpretrain":
        arch = {"embed_dims": 16, "depths": [2, 2, 2, 2], "num_heads": [1, 2, 4, 8]}
        return build(**{**cfg, "arch": arch})
    sizes = {"embed_dims": 16, "depths": [2, 2, 2, 2], "num_heads": [1, 2, 4, 8]}
    return build(**{**cfg, **sizes})


def beit():
    arch = {
        "embed_dims": published.WIDTH,
        "num_layers": published.DEPTH,
        "num_heads": HEADS,
        "feedforward_channels": 4 * published.WIDTH,
    }
    cfg = {"type": "mmpretrain.BEiTViT", "arch": arch, "img_size": SIZE}
    return build(**{**cfg, "patch_size": published.PATCH, "out_type": "avg_featmap"})


def distilled():
    target = vit()
    cfg = {"type": "mmpretrain.DistilledVisionTransformer", "arch": target.arch_settings}
    return build(**{**cfg, "img_size": SIZE, "patch_size": published.PATCH})


CASES = {
    "timm ViT": (published.timm_vit, vit),
    "timm ViT under model": (lambda: {"model": published.timm_vit()}, vit),
    "DeiT, distilled": (published.deit_distilled, distilled),
    "DINO in training": (published.dino, vit),
    "DINO, its student": (published.dino, vit, {"branch": "student"}),
    "iBOT, teacher alone": (lambda: {"state_dict": published.timm_vit()}, vit),
    "DINOv2": (published.dinov2, lambda: vit(layer_scale_init_value=1e-5)),
    "DINOv2 in training": (
        published.dinov2_training,
        lambda: vit(layer_scale_init_value=1e-5),
    ),
    "MAE": (published.mae, vit),
    "MoCo v3, ViT": (published.moco_v3_vit, vit),
    "BEiT": (published.beit, beit),
    "torchvision ViT": (lambda: torchvision_vit().state_dict(), vit),
    "MMPretrain ViT": (
        lambda: {"state_dict": published.under("backbone.", vit().state_dict())},
        vit,
    ),
    "MMPretrain ViT, plain": (lambda: vit().state_dict(), vit),
    "MMSegmentation ViT": (
        lambda: {"state_dict": published.under("backbone.", mmseg_vit().state_dict())},
        mmseg_vit,
    ),
    "MoCo v2": (lambda: published.moco_v2(resnet(1), resnet(2)), mm_resnet),
    "MoCo v3, ResNet": (
        lambda: {
            "state_dict": published.under("module.base_encoder.", resnet(1))
            | published.under("module.momentum_encoder.", resnet(2))
        },
        mm_resnet,
    ),
    "SimSiam": (lambda: published.simsiam(resnet(1)), mm_resnet),
    "BYOL of MMPretrain": (lambda: published.mm_byol(resnet(1), resnet(2)), mm_resnet),
    "torchvision ResNet": (lambda: resnet(1), mm_resnet),
    "ResNet in DistributedDataParallel": (
        lambda: {"state_dict": published.under("module.", resnet(1))},
        mm_resnet,
    ),
    "ResNet in Lightning": (
        lambda: {"state_dict": published.under("model.backbone.", resnet(1))},
        mm_resnet,
    ),
    "ResNet as a sequence": (lambda: published.sequential(resnet(1)), mm_resnet),
    "Detectron2": (lambda: published.detectron2(resnet(1)), mm_resnet),
    "a detector of MMDetection": (
        lambda: {
            "state_dict": published.under("backbone.", mm_resnet().state_dict())
            | {"neck.lateral_convs.0.conv.weight": torch.ones(8, 64, 1, 1)}
        },
        mm_resnet,
    ),
    "torchvision Swin": (lambda: swin().state_dict(), mm_swin),
    "Swin of its authors": (
        lambda: {"model": published.authors_swin(swin().state_dict())},
        mm_swin,
    ),
    "timm Swin": (
        lambda: published.timm_swin(published.authors_swin(swin().state_dict())),
        mm_swin,
    ),
    "MMPretrain Swin": (
        lambda: {"state_dict": published.under("backbone.", mm_swin("mmpretrain").state_dict())},
        mm_swin,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_every_number_that_the_target_needs_comes_from_the_file(tmp_path, name):
    make, target, *options = CASES[name]
    path = tmp_path / "published.pth"
    torch.save(make(), path)
    backbone = target()
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    report = load_backbone(backbone, path, **(options[0] if options else {}))
    assert report.covered == 1 and not report.faults()
    counted = [entry.status for entry in report.entries]
    assert counted.count("matched") + counted.count("changed") + counted.count("derived") == len(
        before
    ) - _parts(before)
    derived = {entry.name for entry in report.entries if entry.status == "derived"}
    kept = [
        key
        for key, value in backbone.state_dict().items()
        if torch.equal(value, before[key]) and value.numel() > 1 and key not in derived
    ]
    # A bias or a norm that begins as the file has it cannot show that it was loaded.
    assert all(len(set(before[key].flatten().tolist())) == 1 for key in kept), kept


def _parts(weights) -> int:
    """Weights that are told of together with another: biases of values beside those of queries."""
    return sum(key.endswith("v_bias") for key in weights)


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
    source = torchvision.models.resnet18().eval()
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


assert mmdet.models and mmseg.models  # imported for what they register
