"""Weights arrive whole whatever the host draws after them."""

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
import pytest
import torch
from mmengine.registry import MODELS

from tests.mmdense.transfer.test_dialects import HEADS, SIZE, resnet
from tests.references import published_weights as published

VIT = {"patch_size": published.PATCH, "img_size": SIZE}
SIZES = {"embed_dims": published.WIDTH, "num_layers": published.DEPTH, "num_heads": HEADS}
TARGETS = {
    "mmpretrain.VisionTransformer": {
        **VIT,
        "arch": {**SIZES, "feedforward_channels": 4 * published.WIDTH},
    },
    "mmseg.VisionTransformer": {**VIT, **SIZES, "final_norm": True, "patch_bias": True},
    "mmseg.MAE": {**VIT, **SIZES, "init_values": 1.0},
    "mmdet.ResNet": {"depth": 18},
    "mmpretrain.ResNet": {"depth": 18},
}


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_that_the_host_draws_comes_after_it(tmp_path, name):
    weights = resnet(1) if "ResNet" in name else published.timm_vit()
    torch.save(weights, tmp_path / "weights.pth")
    cfg = {"type": name, **TARGETS[name]}
    init_cfg = {"type": "StrictPretrained", "checkpoint": str(tmp_path / "weights.pth")}
    backbone = MODELS.build({**cfg, "init_cfg": init_cfg})
    backbone.init_weights()
    first = "conv1.weight" if "ResNet" in name else "cls_token"
    found = backbone.state_dict()
    assert torch.equal(found[first], weights[first])
    for ours, theirs in (("pos_embed", "pos_embed"), ("layers.1.ffn.layers.1.weight", FC2)):
        if theirs in weights:
            assert torch.equal(found[ours], weights[theirs])


FC2 = "blocks.1.mlp.fc2.weight"


def test_it_refuses_before_anything_is_trained(tmp_path):
    torch.save(published.timm_vit(depth=1), tmp_path / "weights.pth")
    cfg = {"type": "mmpretrain.VisionTransformer", **TARGETS["mmpretrain.VisionTransformer"]}
    init_cfg = {"type": "StrictPretrained", "checkpoint": str(tmp_path / "weights.pth")}
    with pytest.raises(ValueError, match=r"missing: layers.1.ln1.weight"):
        MODELS.build({**cfg, "init_cfg": init_cfg}).init_weights()
