"""Every published key naming scheme: each weight arrives in its place, and features are equal."""

import itertools

import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
from mmpretrain.models import TIMMBackbone
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from torch import nn

from mmdense.transfer.apply import load_backbone
from mmdense.transfer.naming_schemes.vit import (
    join_query_and_value_bias,
    split_query_and_value_bias,
)
from tests.mmdense.transfer.transfer_cases import (
    ARCH,
    HEADS,
    SIZE,
    assert_close,
    assert_equal_weights,
    beit,
    build,
    features,
    mm_swin,
    mmseg_vit,
    names_with,
    random_image,
    randomised,
    refused,
    resnet_weights,
    saved,
    torchvision_swin,
    torchvision_vit,
    vit,
    vit_of_patches,
)
from tests.references import published_weights as published
from tests.references.published_weights import DEPTH, GRID, PATCH, WIDTH, under
from tests.references.vit_loop import vit_features


def test_a_bias_of_keys_does_not_change_attention():
    q, k, bias = torch.randn(4, 8), torch.randn(6, 8), torch.randn(24)
    query, value = split_query_and_value_bias(bias)
    with_keys = ((q + bias[:8]) @ (k + bias[8:16]).T).softmax(-1)
    torch.testing.assert_close(((q + query) @ k.T).softmax(-1), with_keys)
    zero = torch.zeros(8)
    assert torch.equal(join_query_and_value_bias(query, value), torch.cat((query, zero, value)))


def scaled_vit():
    return vit(layer_scale_init_value=1e-5)


def distilled_vit():
    cfg = {"type": "mmpretrain.DistilledVisionTransformer", "arch": vit().arch_settings}
    return build(**cfg, img_size=SIZE, patch_size=PATCH)


def mm_resnet():
    return build(type="mmdet.ResNet", depth=18, stem_channels=8, base_channels=8)


def mmpretrain_vit_weights():
    torch.manual_seed(0)
    return randomised(vit()).state_dict()


def swin_weights():
    return torchvision_swin().state_dict()


def two_resnets(first, second):
    return {"state_dict": under(first, resnet_weights(1)) | under(second, resnet_weights(2))}


# Each layout of a published file: its content, the target, and for each branch the same weights
# with canonical keys or with other ones that the tests of features below cover.
ONE, TWO = ((lambda seed=seed: published.timm_vit(seed=seed)) for seed in (1, 2))
BOTH = {None: TWO, "teacher": TWO, "student": ONE}
RESNETS = (lambda: resnet_weights(1), lambda: resnet_weights(2))
LAYOUTS = {
    "timm ViT under a key": (lambda: {"model": published.timm_vit(seed=1)}, vit, {None: ONE}),
    "DeiT, distilled": (
        published.deit_distilled,
        distilled_vit,
        {None: lambda: under("module.", published.deit_distilled()["model"])},
    ),
    "DINO, the backbone": (TWO, vit, {None: TWO}),
    "DINO in training": (published.dino, vit, BOTH),
    "iBOT in training": (published.ibot, vit, BOTH),
    "SelfPatch": (
        published.selfpatch,
        vit_of_patches,
        {
            None: lambda: published.selfpatch_vit(seed=2),
            "student": lambda: published.selfpatch_vit(seed=1),
        },
    ),
    "SelfPatch, the backbone": (
        published.selfpatch_vit,
        vit_of_patches,
        {None: published.selfpatch_vit},
    ),
    "DINOv2": (published.dinov2, scaled_vit, {None: lambda: published.timm_vit(layer_scale=True)}),
    "DINOv2 in training": (published.dinov2_training, scaled_vit, {None: published.dinov2}),
    "MAE": (published.mae, vit, {None: published.timm_vit}),
    "MoCo v3, ViT": (published.moco_v3_vit, vit, {None: ONE}),
    "BEiT": (published.beit, beit, {None: lambda: under("encoder.", published.beit()["model"])}),
    "MMPretrain ViT": (
        lambda: {"state_dict": under("backbone.", mmpretrain_vit_weights())},
        vit,
        {None: mmpretrain_vit_weights},
    ),
    "MoCo v2": (
        lambda: published.moco_v2(resnet_weights(1), resnet_weights(2)),
        mm_resnet,
        {None: RESNETS[0], "teacher": RESNETS[1]},
    ),
    **{
        name: (make, mm_resnet, {None: RESNETS[0]})
        for name, make in {
            "MoCo v3, ResNet": lambda: two_resnets(
                "module.base_encoder.", "module.momentum_encoder."
            ),
            "SwAV": lambda: published.swav(resnet_weights(1)),
            "SimSiam": lambda: published.simsiam(resnet_weights(1)),
            "BYOL of MMPretrain": lambda: published.mm_byol(resnet_weights(1), resnet_weights(2)),
            **{
                f"MMSelfSup 0.x, {method}": lambda one=one, two=two: {
                    "state_dict": two_resnets(one, two)["state_dict"]
                    | under("backbone.", resnet_weights(1))
                }
                for method, one, two in (
                    ("MoCo", "encoder_q.0.", "encoder_k.0."),
                    ("BYOL", "online_net.0.", "target_net.0."),
                )
            },
            "ResNet in Lightning": lambda: {
                "state_dict": under("model.backbone.", resnet_weights(1))
            },
            "ResNet in a sequence": lambda: published.sequential(resnet_weights(1)),
            "Detectron2": lambda: published.detectron2(resnet_weights(1)),
            "a detector of MMDetection": lambda: {
                "state_dict": under("backbone.", resnet_weights(1))
                | {"neck.lateral_convs.0.conv.weight": torch.ones(8, 64, 1, 1)}
            },
        }.items()
    },
    "Swin of its authors": (
        lambda: {"model": published.authors_swin(swin_weights())},
        mm_swin,
        {None: swin_weights},
    ),
    "timm Swin": (
        lambda: published.timm_swin(published.authors_swin(swin_weights())),
        mm_swin,
        {None: swin_weights},
    ),
}


@pytest.mark.parametrize(
    ("name", "branch"), [(name, branch) for name in LAYOUTS for branch in LAYOUTS[name][2]]
)
def test_every_weight_arrives_in_its_place(tmp_path, name, branch):
    make, target, plain = LAYOUTS[name]
    found, expected = target(), target()
    before = {key: value.clone() for key, value in found.state_dict().items()}
    report = load_backbone(found, saved(tmp_path, make()), branch=branch)
    assert report.covered == 1 and not report.faults()
    listed = {key for entry in report.entries for key in entry.name.split(", ")}
    assert set(before) <= listed
    load_backbone(expected, saved(tmp_path, plain[branch]()))
    assert_equal_weights(found.state_dict(), expected.state_dict())
    kept = {key for key, value in found.state_dict().items() if torch.equal(value, before[key])}
    derived = {*names_with(report, "derived"), *(key for key in before if key.endswith("tracked"))}
    assert kept <= derived


@pytest.mark.parametrize("target", [vit, mmseg_vit])
@pytest.mark.parametrize("make", [published.timm_vit, published.dinov2])
def test_a_vit_of_timm_computes_the_same_upstream(tmp_path, target, make):
    weights = make()
    scaled = target is vit and make is published.dinov2  # MMSegmentation's has no LayerScale
    backbone = scaled_vit() if scaled else target()
    load_backbone(backbone, saved(tmp_path, weights))
    expected = vit_features(weights, random_image(), heads=HEADS)
    if target is mmseg_vit:
        expected = expected[:, 1:].transpose(1, 2).unflatten(2, (GRID, GRID))
    assert_close(features(backbone, random_image()), expected)


def test_a_vit_of_torchvision_computes_the_same_in_mmpretrain(tmp_path):
    source, backbone = torchvision_vit(), vit()
    load_backbone(backbone, saved(tmp_path, source.state_dict()))
    with torch.no_grad():
        tokens = source._process_input(random_image())
        tokens = source.encoder(torch.cat((source.class_token.expand(2, -1, -1), tokens), dim=1))
    assert_close(features(backbone, random_image()), tokens)


@pytest.mark.parametrize("scope", ["mmpretrain", "mmdet", "mmseg"])
def test_a_swin_of_torchvision_computes_the_same_upstream(tmp_path, scope):
    source, backbone = torchvision_swin(), mm_swin(scope)
    load_backbone(backbone, saved(tmp_path, source.state_dict()))
    image = torch.randn(2, 3, 128, 192)  # maps of 4 x 6 at the end, larger than a window
    with torch.no_grad():
        expected = source.norm(source.features(image)).permute(0, 3, 1, 2)
    assert_close(features(backbone, image), expected)


def test_a_resnet_of_torchvision_computes_the_same_upstream(tmp_path):
    source = randomised(torchvision.models.resnet18())
    target = build(type="mmdet.ResNet", depth=18)
    assert_same_in(tmp_path, source, target, nn.Sequential(*[*source.children()][:-2]))


def timm_resnet(depth, *, pooled):
    """ResNet-18c, 18d, 50c or 50d of timm, narrow; as a callable its last map."""
    torch.manual_seed(0)
    block, layers = {18: (BasicBlock, (2, 2, 2, 2)), 50: (Bottleneck, (3, 4, 6, 3))}[depth]
    sizes = {"channels": (4, 8, 16, 32), "stem_width": 2, "stem_type": "deep"}
    return randomised(ResNet(block, layers, num_classes=0, avg_down=pooled, **sizes))


def deep_stem_resnet(scope, depth, *, pooled):
    kind = f"{scope}.ResNetV1{'d' if pooled else 'c'}"
    more = {}
    if scope == "mmdet" and not pooled:  # it has no V1c by name
        kind, more = "mmdet.ResNet", {"deep_stem": True}
    sizes = {"depth": depth, "stem_channels": 4, "base_channels": 4, "out_indices": (3,)}
    return build(type=kind, **sizes, **more)


def assert_same_in(tmp_path, source, target, run):
    """The target has all weights and computes the map that ``run`` computes with the source."""
    assert load_backbone(target, saved(tmp_path, source.state_dict())).covered == 1
    image = random_image(size=66)
    with torch.no_grad():
        expected = run(image)
    scale = expected.square().mean().sqrt()
    assert scale > 0
    assert_close(features(target, image) / scale, expected / scale)


SCOPES = ("mmpretrain", "mmdet", "mmseg")


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("pooled", [True, False])
@pytest.mark.parametrize("depth", [18, 50])
def test_a_resnet_with_a_deep_stem_computes_the_same_upstream(tmp_path, scope, depth, pooled):
    source = timm_resnet(depth, pooled=pooled)
    target = deep_stem_resnet(scope, depth, pooled=pooled)
    assert_same_in(tmp_path, source, target, source.forward_features)


@pytest.mark.parametrize(("one", "other"), itertools.permutations(SCOPES, 2))
def test_resnets_with_a_deep_stem_fill_each_other(tmp_path, one, other):
    source, target = (deep_stem_resnet(scope, 50, pooled=True) for scope in (one, other))
    assert_same_in(tmp_path, randomised(source), target, lambda image: features(source, image))


def test_a_shortcut_of_another_kind_is_refused(tmp_path):
    path = saved(tmp_path, timm_resnet(50, pooled=True).state_dict())
    target = deep_stem_resnet("mmdet", 50, pooled=False)
    refused(target, path, "missing: layer2.0.downsample.0.weight")
    path = saved(tmp_path, timm_resnet(50, pooled=False).state_dict())
    target = deep_stem_resnet("mmdet", 50, pooled=True)
    refused(target, path, "left over: .*layer2.0.downsample.0.weight")


@pytest.mark.parametrize("kind", ["mmseg", "swin", "torchvision"])
def test_there_and_back_gives_the_same_weights(tmp_path, kind):
    make, there = {
        "mmseg": (vit, mmseg_vit()),
        "swin": (mm_swin, mm_swin("mmpretrain")),
        "torchvision": (torchvision_vit, vit()),
    }[kind]
    source, back = randomised(make()), randomised(make(), seed=1)
    load_backbone(there, saved(tmp_path, source.state_dict()))
    load_backbone(back, saved(tmp_path, there.state_dict()), allow=["heads.*"])
    expected = source.state_dict().items()
    expected = {key: value for key, value in expected if not key.startswith("heads.")}
    assert_equal_weights(back.state_dict(), expected)


@pytest.fixture(scope="module")
def lite0():
    torch.manual_seed(0)
    model = timm.create_model("tf_efficientnet_lite0")
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
    return model.eval()


@pytest.mark.parametrize("numbered", [False, True])
def test_an_efficientnet_computes_the_same_in_a_timm_backbone(tmp_path, lite0, numbered):
    weights = lite0.state_dict()
    if numbered:
        weights = published.numbered_efficientnet(weights)
    target = TIMMBackbone("tf_efficientnet_lite0", features_only=True)
    report = load_backbone(target, saved(tmp_path, weights))
    assert report.covered == 1
    assert {entry.status for entry in report.entries} == {"matched", "not needed"}
    target.train(False)
    image = random_image(size=64)
    with torch.no_grad():
        found = lite0.bn2(lite0.conv_head(target(image)[-1]))
        assert_close(found, lite0.forward_features(image))
    if numbered:
        weights["_blocks.16._project_conv.weight"] = torch.zeros(1)
        refused(target, saved(tmp_path, weights), "left over: _blocks.16._project_conv.weight")


def test_registers_and_their_positions_reach_a_timm_backbone(tmp_path):
    name = "vit_small_patch14_reg4_dinov2"
    sizes = {"img_size": 56, "embed_dim": 48, "depth": 2, "num_heads": 3}
    source = timm.create_model(name, num_classes=0, **sizes).eval()
    for parameter in source.parameters():
        nn.init.normal_(parameter, std=0.1)
    weights = dict(source.state_dict())
    # As DINOv2 publishes it: registers under another key, and a position of the class token.
    weights["register_tokens"] = weights.pop("reg_token")
    own = torch.randn(1, 1, 48)
    weights["pos_embed"] = torch.cat([own, weights["pos_embed"]], dim=1)
    weights["cls_token"] = weights["cls_token"] - own
    target = TIMMBackbone(name, features_only=True, out_indices=(1,), **sizes)
    report = load_backbone(target, saved(tmp_path, weights))
    assert report.covered == 1
    assert "timm_model.model.reg_token" in names_with(report, "matched")
    target.train(False)
    image, options = random_image(size=56), {"indices": [1], "intermediates_only": True}
    with torch.no_grad():
        (found,) = target(image)
        assert_close(found, source.forward_intermediates(image, **options)[0])
        source.reg_token.neg_()
        without = source.forward_intermediates(image, **options)[0]
    assert not torch.allclose(found, without, rtol=1e-5, atol=1e-5)


def test_mae_fills_that_of_mmsegmentation(tmp_path):
    path, source, target = (
        saved(tmp_path, published.mae()),
        vit(final_norm=False, out_type="featmap"),
        mmseg_vit("MAE"),
    )
    load_backbone(source, path)
    # It has a scale and relative positions in every block: those of ones and zeros do nothing.
    kinds = ("gamma_1", "gamma_2", "attn.relative_position_bias_table")
    filled = [f"layers.{i}.{kind}" for i in range(DEPTH) for kind in kinds]
    assert names_with(load_backbone(target, path), "filled") == filled
    assert_close(features(target, random_image()), features(source, random_image()))


def test_beit_fills_that_of_mmsegmentation(tmp_path):
    target, weights = mmseg_vit("BEiT"), published.beit()["model"]
    assert load_backbone(target, saved(tmp_path, published.beit())).covered == 1
    for name in ("relative_position_bias_table", "q_bias", "v_bias"):
        value = getattr(target.layers[1].attn, name)
        assert torch.equal(value, weights[f"blocks.1.attn.{name}"]), name
    del weights["blocks.1.attn.v_bias"]
    report = refused(target, saved(tmp_path, weights), "missing: layers.1.attn.q_bias").report
    assert names_with(report, "left over") == ["blocks.1.attn.q_bias"]


def test_gated_units_of_dinov2(tmp_path):
    weights = published.timm_vit(layer_scale=True)
    hidden = 88  # two thirds of 4 WIDTH, up to a multiple of 8
    for i in range(DEPTH):
        block = f"blocks.{i}.mlp."
        weights = {key: value for key, value in weights.items() if not key.startswith(block)}
        shapes = published.layers(block, w12=(2 * hidden, WIDTH), w3=(WIDTH, hidden))
        weights |= published.draw(shapes, seed=20 + i)
    target = vit(layer_scale_init_value=1e-5, layer_cfgs={"ffn_type": "swiglu_fused"})
    assert load_backbone(target, saved(tmp_path, weights)).covered == 1
    x, mlp = torch.randn(1, 5, WIDTH), "blocks.1.mlp."
    gate, value = F.linear(x, weights[f"{mlp}w12.weight"], weights[f"{mlp}w12.bias"]).chunk(2, -1)
    expected = F.linear(F.silu(gate) * value, weights[f"{mlp}w3.weight"], weights[f"{mlp}w3.bias"])
    found = target.layers[1].ffn(x, identity=torch.zeros_like(x))
    torch.testing.assert_close(found, expected * weights["blocks.1.ls2.gamma"])
    refused(scaled_vit(), saved(tmp_path, weights), r"left over: .*mlp\.w12")


def vitdet(*, window=2, seed=0, token=True):
    """``ViT`` of MMDetection's projects/ViTDet, for 8 x 8 patches; its first block has windows.

    It keeps the row of a class token that it does not have, and has no norm behind its last layer.
    """
    weights = published.timm_vit(positions=GRID**2 + token, seed=seed)
    for name in ("cls_token", "norm.weight", "norm.bias"):
        del weights[name]
    for i in range(DEPTH):
        shape = (2 * (8 if i else window) - 1, WIDTH // 2)  # channels of one of two heads
        lines = {f"blocks.{i}.attn.rel_pos_{axis}": shape for axis in "hw"}
        weights |= published.draw(lines, seed=seed + 30 + i)
    return weights


def made_of(weights):
    """A module with these weights, for a backbone that is not installed."""
    module = nn.Module()
    for name, value in weights.items():
        *path, last = name.split(".")
        owner = module
        for part in path:
            if not hasattr(owner, part):
                owner.add_module(part, nn.Module())
            owner = owner.get_submodule(part)
        owner.register_parameter(last, nn.Parameter(value))
    return module


@pytest.mark.parametrize("token", [True, False])
def test_the_vitdet_of_mmdetections_projects_is_filled(tmp_path, token):
    path, target = saved(tmp_path, published.mae()), made_of(vitdet(seed=9, token=token))
    refused(target, path, "left over: cls_token")  # its ViT has none, and keeps its row
    report = load_backbone(target, path, allow=["cls_token"])
    filled = names_with(report, "filled")
    assert filled == [f"blocks.{i}.attn.rel_pos_{axis}" for i in range(DEPTH) for axis in "hw"]
    source, found = published.mae()["model"], target.state_dict()
    assert not any(found.pop(name).any() for name in filled)
    positions = found.pop("pos_embed")
    assert torch.equal(positions, source["pos_embed"][:, 0 if token else 1 :])
    assert_equal_weights(source, found)


def test_a_vitdet_of_other_windows_is_resized(tmp_path):
    trained = under("backbone.", vitdet(seed=1))
    target = made_of(vitdet(seed=2, window=4))
    report = load_backbone(target, saved(tmp_path, {"state_dict": trained}))
    assert report.covered == 1
    # The block with windows.
    assert names_with(report, "resized") == [f"blocks.0.attn.rel_pos_{axis}" for axis in "hw"]


def test_sam_keeps_positions_as_a_grid(tmp_path):
    weights = published.timm_vit()
    path = saved(tmp_path, weights)
    arch = {**ARCH, "global_attn_indexes": [1]}
    cfg = {"type": "mmpretrain.ViTSAM", "arch": arch, "patch_size": PATCH, "out_channels": 0}
    wide, same, again = (build(**cfg, img_size=size) for size in ((SIZE, 2 * SIZE), SIZE, SIZE))
    refused(wide, path, "left over: cls_token")
    assert load_backbone(wide, path, allow=["cls_token"]).covered > 0.96  # rel_pos: zeros
    assert wide.pos_embed.shape == (1, GRID, 2 * GRID, WIDTH)
    assert not wide.layers[0].attn.rel_pos_h.any()
    load_backbone(same, path, allow=["cls_token"])
    assert torch.equal(same.pos_embed.flatten(1, 2), weights["pos_embed"][:, 1:])
    load_backbone(again, saved(tmp_path, same.state_dict()))
    assert torch.equal(again.pos_embed, same.pos_embed)
