"""Equal shapes that mean something else are told apart."""

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
import torch
from mmengine.config import Config
from torch import nn

from mmdense.transfer.backbone import load_backbone
from tests.mmdense.transfer.test_dialects import vit, vit_of_patches
from tests.mmdense.transfer.transfer_cases import refused, saved, small_resnet
from tests.references import published_weights as published


def test_six_heads_and_eight_have_the_same_shapes_and_are_told_apart(tmp_path):
    # The trap of SelfPatch's detection config: 8 heads over weights of 384 channels and 6.
    arch = {"embed_dims": 384, "num_layers": 1, "num_heads": 8, "feedforward_channels": 1536}
    weights = {"backbone." + name: value for name, value in vit(arch=arch).state_dict().items()}
    path = saved(tmp_path, weights)
    text = refused(vit(arch=arch), path, "heads: .* have 6 attention heads.*has 8")
    assert "--allow" in text
    assert load_backbone(vit(arch=arch), path, allow=["heads"]).covered == 1
    assert load_backbone(vit(arch={**arch, "num_heads": 6}), path).covered == 1


def test_the_release_of_selfpatch_is_refused_by_its_own_detection_config(tmp_path, monkeypatch):
    monkeypatch.setattr(published, "WIDTH", 384)
    path = saved(tmp_path, published.selfpatch())
    arch = {"embed_dims": 384, "num_layers": 2, "num_heads": 8, "feedforward_channels": 1536}
    text = "heads: .* 384 channels have 6 attention heads, VisionTransformer has 8"
    refused(vit_of_patches(arch=arch), path, text)
    assert load_backbone(vit_of_patches(arch={**arch, "num_heads": 6}), path).covered == 1


def test_the_small_vit_of_moco_v3_has_twelve_heads(tmp_path):
    arch = {"embed_dims": 384, "num_layers": 1, "num_heads": 6, "feedforward_channels": 1536}
    state = published.under("module.base_encoder.", vit(arch=arch).state_dict())
    refused(vit(arch=arch), saved(tmp_path, {"state_dict": state}), "have 12 attention heads")


def test_the_config_in_the_file_is_asked_for_heads_and_style_and_pictures(tmp_path):
    state = published.under("backbone.", vit().state_dict())
    text = Config(
        {
            "model": {
                "backbone": {"type": "mmpretrain.VisionTransformer", "arch": "deit-small"},
                "data_preprocessor": {"mean": [1.0, 2.0, 3.0], "std": [4.0, 5.0, 6.0]},
            }
        }
    ).pretty_text
    path = saved(tmp_path, {"state_dict": state, "meta": {"cfg": text}})
    refused(vit(), path, "its config says 6 attention heads, VisionTransformer has 2")
    model = nn.Module()
    model.data_preprocessor = nn.Module()
    model.data_preprocessor.register_buffer("mean", torch.tensor([9.0, 2.0, 3.0]).view(3, 1, 1))
    refused(vit(), path, r"fed with mean \[9.0, 2.0, 3.0\]", model=model, allow=["heads"])
    caffe = Config({"model": {"backbone": {"type": "ResNet", "style": "caffe"}}}).pretty_text
    content = {"state_dict": small_resnet(depth=50).state_dict(), "meta": {"cfg": caffe}}
    refused(small_resnet(depth=50), saved(tmp_path, content), "style: its config says style='caf")


def test_code_in_a_saved_config_is_not_run(tmp_path):
    text = f"model = dict(backbone=open({str(tmp_path / 'ran')!r}, 'w'))"
    path = saved(tmp_path, {"state_dict": small_resnet().state_dict(), "meta": {"cfg": text}})
    load_backbone(small_resnet(), path)
    assert not (tmp_path / "ran").exists()
