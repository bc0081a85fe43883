"""Layer decay in detectors and segmentors, against hand-computed rates."""

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
import pytest
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS
from torch import nn

from mmdense.engine.layer_decay import LayerDecay

ARCH = {"embed_dims": 8, "num_layers": 3, "num_heads": 2, "feedforward_channels": 16}
NARROW = {"stem_channels": 8, "base_channels": 8}


class Detector(nn.Module):
    def __init__(self, **backbone):
        super().__init__()
        self.backbone = MODELS.build(backbone)
        self.neck = nn.Conv2d(8, 4, 1)


def vit_detector():
    more = {"patch_size": 4, "out_type": "featmap", "img_size": 8}
    return Detector(type="mmpretrain.VisionTransformer", arch=ARCH, **more)


def groups(model, rate=0.5, **paramwise):
    optimizer = {"type": "AdamW", "lr": 1.0, "weight_decay": 0.1}
    cfg = {"type": "OptimWrapper", "optimizer": optimizer, "constructor": "mmdense.LayerDecay"}
    cfg["paramwise_cfg"] = {"layer_decay_rate": rate, **paramwise}
    found = build_optim_wrapper(model, cfg).optimizer.param_groups
    return {group["param_name"]: group for group in found}


def test_rates_of_a_vit_of_three_layers():
    model = vit_detector()
    rates = {name: group["lr"] for name, group in groups(model).items()}
    assert set(rates) == {name for name, _ in model.named_parameters()}
    # Stem, three layers, then the last norm, the neck and the heads: 4, 3, 2, 1 and 0 layers off.
    expected = {
        "backbone.cls_token": 0.5**4,
        "backbone.pos_embed": 0.5**4,
        "backbone.patch_embed.projection.weight": 0.5**4,
        "backbone.layers.0.attn.qkv.weight": 0.5**3,
        "backbone.layers.1.ffn.layers.1.bias": 0.5**2,
        "backbone.layers.2.ln2.weight": 0.5,
        "backbone.ln1.weight": 1.0,
        "neck.weight": 1.0,
        "neck.bias": 1.0,
    }
    assert {name: rates[name] for name in expected} == expected


def test_rates_of_a_resnet_50():
    model = Detector(type="mmpretrain.ResNet", depth=50, **NARROW)
    rates = {name: group["lr"] for name, group in groups(model).items()}
    # MMPretrain counts six steps in a ResNet-50: stage 1; two blocks of stage 2 each; three of
    # stage 3 each; stage 4. The stem is before them.
    expected = {
        "backbone.conv1.weight": 0.5**7,
        "backbone.layer1.2.conv1.weight": 0.5**6,
        "backbone.layer2.1.conv1.weight": 0.5**5,
        "backbone.layer2.2.conv1.weight": 0.5**4,
        "backbone.layer3.0.bn1.weight": 0.5**3,
        "backbone.layer3.5.conv3.weight": 0.5**2,
        "backbone.layer4.2.conv3.weight": 0.5,
        "neck.weight": 1.0,
    }
    assert {name: rates[name] for name in expected} == expected


def test_a_rate_of_one_changes_nothing_and_frozen_parameters_have_no_group():
    model = vit_detector()
    model.backbone.pos_embed.requires_grad = False
    found = groups(model, rate=1.0)
    assert {group["lr"] for group in found.values()} == {1.0}
    assert "backbone.pos_embed" not in found


def test_weight_decay_follows_the_options():
    custom = {"pos_embed": {"decay_mult": 0.5}}
    found = groups(vit_detector(), norm_decay_mult=0.0, bias_decay_mult=0.0, custom_keys=custom)
    decays = {name: group["weight_decay"] for name, group in found.items()}
    assert decays["backbone.layers.0.ln1.weight"] == decays["neck.bias"] == 0
    assert decays["backbone.pos_embed"] == pytest.approx(0.05)
    assert decays["neck.weight"] == decays["backbone.layers.0.attn.qkv.weight"] == 0.1


def test_a_backbone_without_depths_is_named():
    model = Detector(type="mmdet.ResNet", depth=18, base_channels=8)
    shallow = Detector(type="mmpretrain.ResNet", depth=18, **NARROW)
    with pytest.raises(TypeError, match="get_layer_depth; ResNet of Detector has none"):
        groups(model)
    with pytest.raises(TypeError, match="ResNet does not tell it for its depth"):
        groups(shallow)
    with pytest.raises(TypeError, match="NoneType of Linear has none"):
        groups(nn.Linear(1, 1))


def test_options_that_would_be_ignored_are_refused():
    with pytest.raises(ValueError, match="does not take decay_rate, num_layers"):
        LayerDecay({}, {"decay_rate": 0.65, "num_layers": 12})
    with pytest.raises(ValueError, match=r"custom_keys\['head'\].lr_mult"):
        LayerDecay({}, {"custom_keys": {"head": {"lr_mult": 10}}})
    for rate in (0, 1.5):
        with pytest.raises(ValueError, match=f"layer_decay_rate={rate}: above 0"):
            LayerDecay({}, {"layer_decay_rate": rate})
