"""Weights that fit in shape and mean something else are refused."""

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmdense.transfer.apply import load_backbone
from mmdense.transfer.silent_mismatch import saved_model
from tests.mmdense.transfer.transfer_cases import (
    ARCH,
    refused,
    saved,
    small_resnet,
    vit,
    vit_of_patches,
)
from tests.references import published_weights as published

SMALL = {"embed_dims": 384, "num_layers": 1, "num_heads": 6, "feedforward_channels": 1536}


def mismatch(error):
    (found,) = error.report.mismatches
    return found.kind, found.trained, found.built


@pytest.mark.parametrize(
    ("prefix", "make", "trained", "built"),
    [
        ("backbone.", vit, 6, 8),
        ("backbone.", vit_of_patches, 6, 8),  # the detection config of SelfPatch has this mistake
        ("module.base_encoder.", vit, 12, 6),  # the small ViT of MoCo v3
    ],
)
def test_heads_of_published_widths(tmp_path, prefix, make, trained, built):
    target = make(arch={**SMALL, "num_heads": built})
    path = saved(tmp_path, {"state_dict": published.under(prefix, target.state_dict())})
    error = refused(target, path, "heads: ")
    assert mismatch(error) == ("heads", trained, built)
    assert load_backbone(target, path, allow=["heads"]).covered == 1
    assert load_backbone(make(arch={**SMALL, "num_heads": trained}), path).covered == 1


@pytest.mark.parametrize("saved_heads", [{"arch": "deit-small"}, {"num_heads": 6}])
def test_heads_of_the_saved_config(tmp_path, saved_heads):
    config = Config(
        {"model": {"backbone": {"type": "mmpretrain.VisionTransformer", **saved_heads}}}
    )
    content = {"state_dict": vit().state_dict(), "meta": {"cfg": config.pretty_text}}
    error = refused(vit(), saved(tmp_path, content), "heads: ")
    assert mismatch(error) == ("heads", 6, ARCH["num_heads"])


def test_style_of_the_saved_config(tmp_path):
    text = Config({"model": {"backbone": {"type": "ResNet", "style": "caffe"}}}).pretty_text
    content = {"state_dict": small_resnet(depth=50).state_dict(), "meta": {"cfg": text}}
    error = refused(small_resnet(depth=50), saved(tmp_path, content), "style: ")
    assert mismatch(error) == ("style", "caffe", "pytorch")


@pytest.mark.parametrize("place", ["model.data_preprocessor", "data_preprocessor"])
def test_normalisation_of_the_saved_config(tmp_path, place):
    statistics = {"mean": [1.0, 2.0, 3.0], "std": [4.0, 5.0, 6.0]}
    config = Config({"a": 1})
    config.merge_from_dict({place: statistics})
    content = {"state_dict": vit().state_dict(), "meta": {"cfg": config.pretty_text}}
    path, model = saved(tmp_path, content), nn.Module()
    model.data_preprocessor = nn.Module()
    mean = torch.tensor([9.0, 2.0, 3.0]).view(3, 1, 1)
    model.data_preprocessor.register_buffer("mean", mean)
    error = refused(vit(), path, "normalisation: ", model=model)
    assert mismatch(error) == ("normalisation", [1.0, 2.0, 3.0], [9.0, 2.0, 3.0])
    mean[0] = 1.2  # of 255
    assert load_backbone(vit(), path, model=model).covered == 1


def test_a_saved_config_is_read_without_running_it(tmp_path):
    text = f"x = 1\nmodel = dict(a={{'b': (1, -2)}}, backbone=open({str(tmp_path / 'ran')!r}, 'w'))"
    assert saved_model({"meta": {"cfg": text}}) == {
        "model": {"a": {"b": [1, -2]}, "backbone": None}
    }
    assert not (tmp_path / "ran").exists()
    assert saved_model({"meta": {"cfg": "model = ("}}) == saved_model({"meta": 3}) == {}
