"""Small backbones, files for them, and what must happen, for the tests of the transfer."""

import mmdense  # noqa: F401 (first: torchvision and mmdet import what it supplies)

# isort: split
import mmdet.models  # noqa: F401 (registers backbones)
import mmpretrain.models
import mmseg.models  # noqa: F401 (registers backbones)
import pytest
import torch
import torchvision
from mmengine.registry import MODELS

from mmdense.transfer.apply import load_backbone
from tests.references import published_weights as published

HEADS = 2
SIZE = published.PATCH * published.GRID
SIZES = {"embed_dims": published.WIDTH, "num_layers": published.DEPTH, "num_heads": HEADS}
PATCH_SIZES = {"img_size": SIZE, "patch_size": published.PATCH}
ARCH = {**SIZES, "feedforward_channels": 4 * published.WIDTH}


def build(**cfg):
    """In eval mode; ``eval()`` of some upstream backbones returns nothing."""
    backbone = MODELS.build(cfg)
    backbone.eval()
    return backbone


def randomised(module, seed=0):
    """In eval mode, with random norms, biases and statistics: fresh ones are all alike."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in module.state_dict().items():
        if value.ndim == 1 and name.endswith(("weight", "running_var", "gamma")):
            value.uniform_(0.5, 1.5, generator=generator)
        elif value.is_floating_point() and not name.endswith("weight"):
            value.normal_(std=0.1, generator=generator)
    module.eval()
    return module


def vit(**more):
    cfg = {"type": "mmpretrain.VisionTransformer", "arch": ARCH, "img_size": SIZE}
    return build(**{**cfg, "patch_size": published.PATCH, "out_type": "raw", **more})


def vit_of_patches(**more):
    """Without class token and last norm, as SelfPatch builds it."""
    return vit(with_cls_token=False, final_norm=False, out_type="featmap", **more)


def mmseg_vit(kind="VisionTransformer", **more):
    cfg = {"type": f"mmseg.{kind}", "img_size": (SIZE, SIZE), "patch_size": published.PATCH}
    if kind == "VisionTransformer":
        cfg |= {"patch_bias": True, "final_norm": True}
    return build(**{**cfg, **SIZES, "norm_cfg": {"type": "LN", "eps": 1e-6}, **more})


def beit(**more):
    cfg = {"type": "mmpretrain.BEiTViT", "arch": ARCH, "img_size": SIZE, "out_type": "avg_featmap"}
    return build(**{**cfg, "patch_size": published.PATCH, **more})


def mm_swin(scope="mmdet", out_indices=(3,)):
    sizes = {"embed_dims": 16, "depths": [2, 2, 2, 2], "num_heads": [1, 2, 4, 8]}
    sizes = {"arch": sizes} if scope == "mmpretrain" else sizes
    return build(type=f"{scope}.SwinTransformer", out_indices=out_indices, window_size=2, **sizes)


def torchvision_swin():
    torch.manual_seed(0)
    sizes = {"depths": [2, 2, 2, 2], "num_heads": [1, 2, 4, 8], "window_size": [2, 2]}
    return randomised(torchvision.models.SwinTransformer([4, 4], embed_dim=16, **sizes))


def torchvision_vit():
    torch.manual_seed(0)
    return randomised(
        torchvision.models.VisionTransformer(
            SIZE, published.PATCH, published.DEPTH, HEADS, published.WIDTH, 4 * published.WIDTH
        )
    )


def small_resnet(width=8, depth=18, **more):
    """Its keys are those of torchvision, except for the classifier."""
    return mmpretrain.models.ResNet(depth=depth, stem_channels=width, base_channels=width, **more)


def resnet_weights(seed):
    torch.manual_seed(seed)
    return randomised(small_resnet(), seed).state_dict()


def saved(tmp_path, content):
    torch.save(content, tmp_path / "file.pth")
    return tmp_path / "file.pth"


def refused(backbone, path, message, **options):
    """The error, after which the backbone is as before."""
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    with pytest.raises(ValueError, match=message) as caught:
        load_backbone(backbone, path, **options)
    assert_equal_weights(backbone.state_dict(), before)
    return caught.value


def assert_equal_weights(found, expected):
    for name, value in expected.items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(found[name], value), name


def names_with(report, status):
    return [entry.name for entry in report.entries if entry.status == status]


def random_image(channels=3, size=SIZE):
    return torch.randn(2, channels, size, size, generator=torch.Generator().manual_seed(3))


@torch.no_grad()
def features(backbone, images):
    return backbone(images)[-1]


def assert_close(found, expected, tolerance=1e-5):
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=tolerance)
