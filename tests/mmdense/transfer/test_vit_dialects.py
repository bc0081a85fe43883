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
from tests.mmdense.transfer.transfer_cases import refused, saved
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


def test_patches_of_14_become_16_and_the_grid_another_at_once(tmp_path):
    weights = published.timm_vit(patch=14, positions=17, layer_scale=True)
    target = vit(patch_size=16, img_size=112, layer_scale_init_value=1e-5)
    report = load_backbone(target, saved(tmp_path, weights))
    assert report.covered == 1
    resized = [entry.name for entry in report.entries if entry.status == "resized"]
    assert sorted(resized) == ["patch_embed.projection.weight", "pos_embed"]
    assert torch.equal(target.pos_embed[:, :1], weights["pos_embed"][:, :1])
    table = weights["pos_embed"][:, 1:].unflatten(1, (4, 4)).permute(0, 3, 1, 2)
    table = F.interpolate(table, (7, 7), mode="bicubic", antialias=True)
    torch.testing.assert_close(target.pos_embed[:, 1:].transpose(1, 2).unflatten(2, (7, 7)), table)
    patch = picture(size=14)
    token = F.conv2d(patch, weights["patch_embed.proj.weight"], weights["patch_embed.proj.bias"])
    large = F.interpolate(patch, (16, 16), mode="bicubic", antialias=True)
    with torch.no_grad():
        found = target.patch_embed.projection(large)
    torch.testing.assert_close(found, token, atol=1e-4, rtol=1e-4)


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


def vitdet(*, window=2, seed=0, token=True):
    """``ViT`` of MMDetection's projects/ViTDet, for 8 x 8 patches; its first block has windows.

    It keeps the row of a class token that it does not have, and has no norm behind its last layer.
    """
    weights = published.timm_vit(positions=published.GRID**2 + token, seed=seed)
    for name in ("cls_token", "norm.weight", "norm.bias"):
        del weights[name]
    for i in range(published.DEPTH):
        shape = (2 * (8 if i else window) - 1, WIDTH // 2)  # channels of one of two heads
        lines = {f"blocks.{i}.attn.rel_pos_{axis}": shape for axis in "hw"}
        weights |= published.draw(lines, seed=seed + 30 + i)
    return weights


def made_of(weights):
    """A module with these names and values, for a host that is not installed."""
    module = torch.nn.Module()
    for name, value in weights.items():
        *path, last = name.split(".")
        owner = module
        for part in path:
            if not hasattr(owner, part):
                owner.add_module(part, torch.nn.Module())
            owner = owner.get_submodule(part)
        owner.register_parameter(last, torch.nn.Parameter(value))
    return module


@pytest.mark.parametrize("make", [published.mae, published.dino])
@pytest.mark.parametrize("with_token", [True, False])
def test_the_vitdet_of_mmdetections_projects_is_filled(tmp_path, make, with_token):
    weights = vitdet(seed=9, token=with_token)
    file, target = saved(tmp_path, make()), made_of(weights)
    refused(target, file, "left over: cls_token")  # its ViT has none, and keeps its row
    report = load_backbone(target, file, allow=["cls_token"])
    filled = [entry.name for entry in report.entries if entry.status == "filled"]
    assert filled == [name for name in weights if ".rel_pos_" in name]
    content = make()
    names = content.get("teacher") or content["model"]
    source = {name.removeprefix("backbone."): value for name, value in names.items()}
    for name, value in target.state_dict().items():
        if name in filled:
            assert not value.any(), name
        elif name == "pos_embed" and not with_token:
            assert torch.equal(value, source[name][:, 1:])
        else:
            assert torch.equal(value, source[name]), name


def test_a_vitdet_of_other_windows_is_resized(tmp_path):
    trained = published.under("backbone.", vitdet(seed=1))
    target = made_of(vitdet(seed=2, window=4))
    report = load_backbone(target, saved(tmp_path, {"state_dict": trained}))
    resized = {entry.name for entry in report.entries if entry.status == "resized"}
    assert report.covered == 1
    assert resized == {"blocks.0.attn.rel_pos_h", "blocks.0.attn.rel_pos_w"}  # the one with windows


assert mmseg.models  # imported for what it registers
