"""What fits, what is missing, and what is folded, filled or resized."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmdense.transfer.apply import load_backbone
from tests.mmdense.transfer.transfer_cases import (
    HEADS,
    SIZE,
    assert_close,
    beit,
    features,
    mm_swin,
    mmseg_vit,
    names_with,
    random_image,
    refused,
    saved,
    small_resnet,
    vit,
    vit_of_patches,
)
from tests.references import published_weights as published
from tests.references.published_weights import DEPTH, WIDTH
from tests.references.vit_loop import vit_features

SHARED = "rel_pos_bias.relative_position_bias_table"
OWN = [f"blocks.{i}.attn.relative_position_bias_table" for i in range(DEPTH)]


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        (["pos_embed"], "missing: pos_embed"),
        (["blocks.1.attn.qkv.bias"], "missing: layers.1.attn.qkv.bias"),
        ([f"blocks.{i}.attn.qkv.bias" for i in range(DEPTH)], "missing: layers.0.attn.qkv.bias"),
        (["blocks.1.ls1.gamma"], "missing: layers.1.attn.gamma1"),  # others have it: it got lost
    ],
)
def test_a_lost_weight_is_missing_unless_it_is_allowed(tmp_path, lost, message):
    weights = published.timm_vit(layer_scale=True)
    for key in lost:
        del weights[key]
    path = saved(tmp_path, weights)
    refused(vit(layer_scale_init_value=1e-5), path, message)
    allow = [f"*{message.split('.')[-1]}*", "pos_*", "*.attn.qkv.bias"]
    report = load_backbone(vit(layer_scale_init_value=1e-5), path, allow=allow)
    assert 0.9 < report.covered < 1 and not report.faults()


def test_filled_weights_do_not_count_as_loaded(tmp_path):
    target = vit(layer_scale_init_value=1e-5)
    report = load_backbone(target, saved(tmp_path, published.timm_vit()))
    filled = sum(entry.numel for entry in report.entries if entry.status == "filled")
    assert filled == 2 * DEPTH * WIDTH
    needed = sum(value.numel() for value in target.state_dict().values())
    assert report.covered == pytest.approx(1 - filled / needed)
    assert torch.equal(target.layers[0].attn.gamma1.weight, torch.ones(WIDTH))


def test_another_depth_is_refused_although_all_shapes_fit(tmp_path):
    refused(vit(), saved(tmp_path, published.timm_vit(depth=3)), "left over: blocks.2.")
    shallow, deep = small_resnet(depth=18), small_resnet(depth=34)
    refused(shallow, saved(tmp_path, deep.state_dict()), "left over: layer1.2.")
    refused(deep, saved(tmp_path, shallow.state_dict()), "missing: layer1.2.")


def test_another_width_is_refused(tmp_path):
    path = saved(tmp_path, small_resnet().state_dict())
    message = r"wrong shape: conv1.weight \(\[8, 3, 7, 7\] to"
    report = refused(small_resnet(width=4), path, message).report
    assert "conv1.weight" in names_with(report, "wrong shape") and report.covered < 0.1


@pytest.mark.parametrize(
    ("weights", "target", "message"),
    [
        (published.timm_vit(), small_resnet(), "timm ViT .*ResNet is of the family resnet"),
        (published.timm_vit(), nn.Linear(1, 1), "timm ViT .*Linear is of the family unknown"),
        (
            {"conv1.weight": torch.ones(1)},
            small_resnet(),
            r"unknown keys \(conv1.weight",
        ),
    ],
)
def test_another_family_is_refused(tmp_path, weights, target, message):
    refused(target, saved(tmp_path, weights), message)


def test_later_stages_are_not_needed(tmp_path):
    path = saved(tmp_path, small_resnet().state_dict())
    three = small_resnet(num_stages=3, out_indices=(2,), strides=(1, 2, 2), dilations=(1, 1, 1))
    report = load_backbone(three, path)
    unneeded = {name.split(".")[0] for name in names_with(report, "not needed")}
    assert report.covered == 1 and unneeded == {"layer4"}


@pytest.mark.parametrize(
    ("content", "token"),
    [(published.dinov2(registers=4), "reg_token"), (published.deit_distilled(), "dist_token")],
)
def test_tokens_without_a_place_are_left_over(tmp_path, content, token):
    target = vit(layer_scale_init_value=1e-5)
    path = saved(tmp_path, content)
    refused(target, path, f"left over: {token}")
    report = load_backbone(target, path, allow=[token])
    assert names_with(report, "left over") == [token]


def test_norms_of_the_outputs_of_a_detector_are_missing(tmp_path):
    path, detector = saved(tmp_path, mm_swin().state_dict()), mm_swin(out_indices=(0, 1, 2, 3))
    refused(detector, path, "missing: norm0.weight, norm0.bias, norm1.weight")
    report = load_backbone(detector, path, allow=["norm[012].*"])
    assert report.covered < 1 and not report.faults()


def test_selfpatch_computes_the_same_and_fills_a_vit_with_a_class_token(tmp_path):
    weights, path = published.selfpatch_vit(seed=2), saved(tmp_path, published.selfpatch())
    backbone = vit_of_patches()
    assert load_backbone(backbone, path).covered == 1
    expected = vit_features(weights, random_image(), heads=HEADS, final_norm=False)
    found = features(backbone, random_image()).flatten(2).transpose(1, 2)  # [2, patches, C]
    assert_close(found, expected)

    with_token = vit(final_norm=False)
    token = with_token.cls_token.clone()
    refused(with_token, path, r"missing: cls_token \(.*with_cls_token=False.*featmap")
    report = load_backbone(with_token, path, allow=["cls_token"])
    assert 0.9 < report.covered < 1 and torch.equal(with_token.cls_token, token)
    assert torch.equal(with_token.pos_embed[:, 1:], weights["pos_embed"])
    assert not with_token.pos_embed[:, 0].any()
    refused(vit(), path, r"missing: cls_token .*ln1.weight \(.*final_norm=False")


def test_a_patch_bias_without_a_place_is_folded_into_the_positions(tmp_path):
    weights = published.timm_vit()
    path, backbone = saved(tmp_path, weights), mmseg_vit(patch_bias=False)
    report = load_backbone(backbone, path)
    assert names_with(report, "folded") == ["patch_embed.proj.bias"]
    expected = vit_features(weights, random_image(), heads=HEADS)[:, 1:].transpose(1, 2)
    assert_close(features(backbone, random_image()).flatten(2), expected)


@pytest.mark.parametrize("channels", [1, 4])
def test_other_channels_compute_the_same(tmp_path, channels):
    path = saved(tmp_path, published.timm_vit())
    source, target = vit(), vit(in_channels=channels)
    load_backbone(source, path)
    assert load_backbone(target, path).covered == 1
    seen = random_image(min(channels, 3))  # a grey image has three equal channels
    more = torch.randn(2, channels - seen.shape[1], SIZE, SIZE)  # such as infrared: zero weights
    found = features(target, torch.cat((seen, more), dim=1))
    assert_close(found, features(source, seen.expand(-1, 3, -1, -1)))
    refused(vit(in_channels=2), path, "wrong shape: patch_embed.projection.weight")


def test_patches_and_grid_are_resized_at_once(tmp_path):
    weights = published.timm_vit(patch=14, positions=17, layer_scale=True)
    target = vit(patch_size=16, img_size=112, layer_scale_init_value=1e-5)
    report = load_backbone(target, saved(tmp_path, weights))
    assert report.covered == 1
    assert names_with(report, "resized") == ["pos_embed", "patch_embed.projection.weight"]
    assert torch.equal(target.pos_embed[:, :1], weights["pos_embed"][:, :1])
    table = weights["pos_embed"][:, 1:].unflatten(1, (4, 4)).permute(0, 3, 1, 2)
    table = F.interpolate(table, (7, 7), mode="bicubic", antialias=True)
    torch.testing.assert_close(target.pos_embed[:, 1:].transpose(1, 2).unflatten(2, (7, 7)), table)
    patch = random_image(size=14)
    token = F.conv2d(patch, weights["patch_embed.proj.weight"], weights["patch_embed.proj.bias"])
    large = F.interpolate(patch, (16, 16), mode="bicubic", antialias=True)
    with torch.no_grad():
        assert_close(target.patch_embed.projection(large), token, tolerance=1e-4)


def test_the_grid_of_a_source_that_is_not_square(tmp_path):
    weights = published.timm_vit(positions=13)  # 3 x 4 patches and a class token
    path = saved(tmp_path, weights)
    refused(vit(), path, "file.pth: pos_embed has 13 rows, which is not a square grid")
    target = vit(img_size=(12, 16))
    load_backbone(target, path, grid=(3, 4))
    assert torch.equal(target.pos_embed, weights["pos_embed"])


def pretrained_beit():
    """BEiT as it is pretrained: one bias table, and tokens and heads for its masked patches."""
    weights = published.beit()["model"]
    table = weights[OWN[0]]
    for name in OWN:
        del weights[name], weights[name.replace("bias_table", "index")]
    for part in ("weight", "bias"):
        weights[f"norm.{part}"] = weights.pop(f"fc_norm.{part}")
    index = {"rel_pos_bias.relative_position_index": torch.zeros(10, 10, dtype=torch.long)}
    more = {"mask_token": (1, 1, WIDTH), "lm_head.weight": (9, WIDTH)}
    return weights | {SHARED: table} | index | published.draw(more)


def beit_with(*, shared, size=SIZE):
    kinds = {"use_rel_pos_bias": not shared, "use_shared_rel_pos_bias": shared}
    return beit(img_size=size, out_type="featmap", final_norm=True, **kinds)


def test_one_bias_table_equals_the_same_table_in_each_block(tmp_path):
    path = saved(tmp_path, pretrained_beit())
    one, each, back = (beit_with(shared=kind) for kind in (True, False, True))
    assert load_backbone(one, path).covered == 1
    report = load_backbone(each, path)
    assert report.covered == 1 and names_with(report, "folded") == [SHARED]
    expected = features(one, random_image())
    assert_close(features(each, random_image()), expected)
    assert load_backbone(back, saved(tmp_path, each.state_dict())).covered == 1
    table = back.rel_pos_bias.relative_position_bias_table
    assert torch.equal(table, pretrained_beit()[SHARED])
    table.data.zero_()  # it matters
    assert (features(back, random_image()) - expected).abs().max() > 1e-3


def test_blocks_with_different_tables_have_no_shared_one(tmp_path):
    each = beit_with(shared=False)
    refused(vit(), saved(tmp_path, pretrained_beit()), f"left over: {SHARED}")
    load_backbone(each, saved(tmp_path, pretrained_beit()))
    weights = each.state_dict()
    weights["layers.1.attn.relative_position_bias_table"][2, 1] += 1
    refused(beit_with(shared=True), saved(tmp_path, weights), f"left over: {OWN[0]}, {OWN[1]}")
    del weights["layers.1.attn.relative_position_bias_table"]
    refused(beit_with(shared=True), saved(tmp_path, weights), f"left over: {OWN[0]}\n")


def test_shared_and_own_tables_are_added(tmp_path):
    weights, target = pretrained_beit(), beit_with(shared=False)
    own = published.draw({name: weights[SHARED].shape for name in OWN}, seed=4)
    load_backbone(target, saved(tmp_path, weights | own))
    for layer, name in zip(target.layers, OWN, strict=True):
        expected = own[name] + weights[SHARED]
        assert torch.equal(layer.attn.relative_position_bias_table, expected)


@pytest.mark.parametrize("shared", [True, False])
def test_bias_tables_are_resized(tmp_path, shared):
    target = beit_with(shared=shared, size=SIZE + published.PATCH)
    report = load_backbone(target, saved(tmp_path, pretrained_beit()))
    assert report.covered == 1
    assert len(names_with(report, "resized")) == (1 if shared else DEPTH)


def test_a_source_without_relative_positions_gives_zeros(tmp_path):
    weights, target = pretrained_beit(), beit_with(shared=True)
    del weights[SHARED]
    target.rel_pos_bias.relative_position_bias_table.data.fill_(1)
    load_backbone(target, saved(tmp_path, weights))
    assert not target.rel_pos_bias.relative_position_bias_table.any()
