"""Vision transformers into targets built unlike them: other channels, patches, kinds of blocks.

What is right is told by features: a source and a target compute the same of the same picture.
"""

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
import mmseg.models
import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS

from mmdense.transfer.backbone import load_backbone
from tests.mmdense.transfer.transfer_cases import saved
from tests.references import published_weights as published

SIZE = published.PATCH * published.GRID
WIDTH = published.WIDTH


def vit(**more):
    arch = {
        "embed_dims": WIDTH,
        "num_layers": published.DEPTH,
        "num_heads": 2,
        "feedforward_channels": 4 * WIDTH,
    }
    cfg = {"type": "mmpretrain.VisionTransformer", "arch": arch, "img_size": SIZE}
    backbone = MODELS.build({**cfg, "patch_size": published.PATCH, "out_type": "featmap", **more})
    backbone.eval()
    return backbone


def mmseg_vit(kind):
    """MMSegmentation's MAE or BEiT."""
    cfg = {"type": f"mmseg.{kind}", "img_size": (SIZE, SIZE), "patch_size": published.PATCH}
    sizes = {"embed_dims": WIDTH, "num_layers": published.DEPTH, "num_heads": 2}
    backbone = MODELS.build({**cfg, **sizes, "norm_cfg": {"type": "LN", "eps": 1e-6}})
    backbone.eval()
    return backbone


def picture(channels=3, size=SIZE):
    return torch.randn(2, channels, size, size, generator=torch.Generator().manual_seed(3))


@torch.no_grad()
def features(backbone, pictures):
    return backbone(pictures)[-1]


def test_mae_fills_that_of_mmsegmentation(tmp_path):
    file = saved(tmp_path, published.mae())
    source, target = vit(final_norm=False), mmseg_vit("MAE")
    load_backbone(source, file)
    report = load_backbone(target, file)
    filled = [entry.name for entry in report.entries if entry.status == "filled"]
    # It has a scale and relative positions in every block: those of ones and zeros do nothing.
    kinds = ("gamma_1", "gamma_2", "attn.relative_position_bias_table")
    assert filled == [f"layers.{i}.{kind}" for i in range(published.DEPTH) for kind in kinds]
    torch.testing.assert_close(
        features(target, picture()), features(source, picture()), atol=1e-5, rtol=0
    )


def test_beit_fills_that_of_mmsegmentation(tmp_path):
    target = mmseg_vit("BEiT")
    report = load_backbone(target, saved(tmp_path, published.beit()))
    assert report.covered == 1
    weights = published.beit()["model"]
    attention = target.layers[1].attn
    found = {
        "relative_position_bias_table": attention.relative_position_bias_table,
        "q_bias": attention.q_bias,
        "v_bias": attention.v_bias,
    }
    for name, value in found.items():
        assert torch.equal(value, weights[f"blocks.1.attn.{name}"]), name


@pytest.mark.parametrize("channels", [1, 4])
def test_other_channels_see_the_same_picture(tmp_path, channels):
    file = saved(tmp_path, published.timm_vit())
    source, target = vit(), vit(in_channels=channels)
    load_backbone(source, file)
    assert load_backbone(target, file).covered == 1
    seen = picture(min(channels, 3))  # a gray picture has three equal channels
    more = torch.randn(2, channels - seen.shape[1], SIZE, SIZE)  # of infrared, say: not learnt yet
    torch.testing.assert_close(
        features(target, torch.cat((seen, more), dim=1)),
        features(source, seen.expand(-1, 3, -1, -1)),
        atol=1e-5,
        rtol=0,
    )


def test_other_patches_see_a_smooth_picture_alike(tmp_path):
    file = saved(tmp_path, published.timm_vit(patch=14))
    source, target = vit(patch_size=14, img_size=42), vit(patch_size=16, img_size=48)
    load_backbone(source, file)
    assert load_backbone(target, file).covered == 1
    smooth = F.interpolate(picture(size=3), (42, 42), mode="bicubic")
    small = features(source, smooth)
    large = features(target, F.interpolate(smooth, (48, 48), mode="bicubic"))
    assert (small - large).square().mean() < 1e-3 * small.var()


def test_gated_units_of_dinov2(tmp_path):
    weights = published.timm_vit(layer_scale=True)
    for i in range(published.DEPTH):
        for part in ("fc1", "fc2"):
            del weights[f"blocks.{i}.mlp.{part}.weight"], weights[f"blocks.{i}.mlp.{part}.bias"]
        hidden = 88  # two thirds of 4 WIDTH, up to a multiple of 8
        weights |= published.draw(
            {
                f"blocks.{i}.mlp.w12.weight": (2 * hidden, WIDTH),
                f"blocks.{i}.mlp.w12.bias": (2 * hidden,),
                f"blocks.{i}.mlp.w3.weight": (WIDTH, hidden),
                f"blocks.{i}.mlp.w3.bias": (WIDTH,),
            },
            seed=20 + i,
        )
    gated = {"layer_scale_init_value": 1e-5, "layer_cfgs": {"ffn_type": "swiglu_fused"}}
    target = vit(**gated)
    assert load_backbone(target, saved(tmp_path, weights)).covered == 1
    x = torch.randn(1, 5, WIDTH)
    first, second = F.linear(
        x, weights["blocks.1.mlp.w12.weight"], weights["blocks.1.mlp.w12.bias"]
    ).chunk(2, dim=-1)
    expected = F.linear(
        F.silu(first) * second, weights["blocks.1.mlp.w3.weight"], weights["blocks.1.mlp.w3.bias"]
    )
    found = target.layers[1].ffn(x, identity=torch.zeros_like(x))
    torch.testing.assert_close(found, expected * weights["blocks.1.ls2.gamma"])
    with pytest.raises(ValueError, match=r"left over: .*mlp\.w12"):
        load_backbone(vit(layer_scale_init_value=1e-5), saved(tmp_path, weights))


def test_the_average_beside_the_model_is_taken(tmp_path):
    model, average = published.timm_vit(seed=1), published.timm_vit(seed=2)
    file = saved(tmp_path, {"state_dict": model, "state_dict_ema": average})
    for branch, expected in ((None, average), ("ema", average), ("student", model)):
        target = vit()
        load_backbone(target, file, branch=branch)
        weight = target.patch_embed.projection.weight
        assert torch.equal(weight, expected["patch_embed.proj.weight"]), branch


assert mmseg.models  # imported for what it registers
