"""Every published layout of a checkpoint fills the backbones of the hosts, to the last number."""

import mmdense  # noqa: F401 (first: torchvision and mmdet import what it supplies)

# isort: split
import mmdet.models
import mmseg.models
import pytest
import torch
import torchvision
from mmengine.registry import MODELS

from mmdense.transfer.backbone import load_backbone
from tests.references import published_weights as published

HEADS = 2
SIZE = published.PATCH * published.GRID


def randomised(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """In eval mode, with drawn norms, biases and statistics: fresh ones are all alike."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in module.state_dict().items():
        if value.ndim == 1 and name.endswith(("weight", "running_var", "gamma")):
            value.uniform_(0.5, 1.5, generator=generator)
        elif value.is_floating_point() and not name.endswith("weight"):
            value.normal_(std=0.1, generator=generator)
    module.eval()
    return module


def resnet(seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return randomised(torchvision.models.resnet18(), seed).state_dict()


def swin() -> torch.nn.Module:
    torch.manual_seed(0)
    return randomised(
        torchvision.models.SwinTransformer(
            [4, 4], embed_dim=16, depths=[2, 2, 2, 2], num_heads=[1, 2, 4, 8], window_size=[2, 2]
        )
    )


def torchvision_vit() -> torch.nn.Module:
    torch.manual_seed(0)
    return randomised(
        torchvision.models.VisionTransformer(
            SIZE, published.PATCH, published.DEPTH, HEADS, published.WIDTH, 4 * published.WIDTH
        )
    )


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


def vit_of_patches(**more):
    """Without class token and last norm, as SelfPatch builds it."""
    return vit(with_cls_token=False, final_norm=False, out_type="featmap", **more)


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
    "iBOT in training": (published.ibot, vit),
    "iBOT, its student": (published.ibot, vit, {"branch": "student"}),
    "SelfPatch": (published.selfpatch, vit_of_patches),
    "SelfPatch, its student": (
        published.selfpatch,
        vit_of_patches,
        {"branch": "student"},
    ),
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
        lambda: {"state_dict": published.under("backbone.", randomised(vit()).state_dict())},
        vit,
    ),
    "MMPretrain ViT, plain": (lambda: randomised(vit()).state_dict(), vit),
    "MMSegmentation ViT": (
        lambda: {"state_dict": published.under("backbone.", randomised(mmseg_vit()).state_dict())},
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
    "SwAV": (lambda: published.swav(resnet(1)), mm_resnet),
    "MMSelfSup 0.x, SimSiam": (
        lambda: {"state_dict": published.under("backbone.", resnet(1))},
        mm_resnet,
    ),
    "MMSelfSup 0.x, MoCo": (
        lambda: {
            "state_dict": published.under("encoder_q.0.", resnet(1))
            | published.under("encoder_k.0.", resnet(2))
            | published.under("backbone.", resnet(1))
        },
        mm_resnet,
    ),
    "MMSelfSup 0.x, BYOL": (
        lambda: {
            "state_dict": published.under("backbone.", resnet(1))
            | published.under("online_net.0.", resnet(1))
            | published.under("target_net.0.", resnet(2))
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
            "state_dict": published.under("backbone.", randomised(mm_resnet()).state_dict())
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
        lambda: {
            "state_dict": published.under(
                "backbone.", randomised(mm_swin("mmpretrain")).state_dict()
            )
        },
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
    assert not kept


def _parts(weights) -> int:
    """Weights that are told of together with another: biases of values beside those of queries."""
    return sum(key.endswith("v_bias") for key in weights)


assert mmdet.models and mmseg.models  # imported for what they register
