"""Maps and vectors of backbones of MMPretrain and MMSegmentation."""

import pytest
import torch
from mmpretrain.models import MAEViT
from mmpretrain.models.backbones import ConvNeXt, ResNet, VisionTransformer

from mmdense.visual.drawn import NothingToDraw
from mmdense.visual.feature_maps import feature_map, pooled_features
from tests.mmdense.visual.tiny_images import ARCH, MeanColours, in_eval, segmenting_transformer

INPUTS = torch.randn(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))


def test_the_last_stage_of_a_convolutional_network():
    backbone = ResNet(18, stem_channels=4, base_channels=4, out_indices=(0, 1, 2, 3))
    backbone.eval()
    last = backbone(INPUTS)[-1]
    assert torch.equal(feature_map(backbone, INPUTS), last)
    assert torch.allclose(pooled_features(backbone, INPUTS), last.mean(dim=(2, 3)))


@pytest.mark.parametrize("out_type", ["raw", "cls_token", "featmap", "avg_featmap"])
def test_patch_tokens_whatever_a_transformer_is_set_to(out_type):
    torch.manual_seed(0)
    backbone = in_eval(VisionTransformer(ARCH, img_size=(32, 48), patch_size=16, out_type=out_type))
    given = backbone(INPUTS)[-1]
    found = feature_map(backbone, INPUTS)
    assert found.shape == (2, 12, 2, 3)
    assert backbone.out_type == out_type
    backbone.out_type = "raw"
    tokens = backbone(INPUTS)[-1]  # [B, 1 + 6, C]
    assert torch.equal(found.flatten(2).transpose(1, 2), tokens[:, 1:])
    backbone.out_type = out_type
    dims = {4: (2, 3), 3: 1}.get(given.ndim)
    expected = given if dims is None else given.mean(dim=dims)
    assert torch.allclose(pooled_features(backbone, INPUTS), expected)


def test_a_pooled_convnext_gives_its_map():
    torch.manual_seed(0)
    arch = {"depths": [1, 1, 1, 1], "channels": [4, 4, 8, 8]}
    backbone = in_eval(ConvNeXt(arch, gap_before_final_norm=True))
    assert backbone(INPUTS)[-1].ndim == 2
    assert feature_map(backbone, INPUTS).shape == (2, 8, 1, 1)
    assert backbone.gap_before_final_norm


def test_a_masked_autoencoder_sees_the_whole_image():
    torch.manual_seed(0)
    backbone = in_eval(MAEViT(ARCH, img_size=(32, 48), patch_size=16))
    found = feature_map(backbone, INPUTS)
    assert found.shape == (2, 12, 2, 3)
    assert torch.equal(found, feature_map(backbone, INPUTS))  # nothing is masked at random


def test_a_stage_of_map_and_class_token():
    backbone, inputs = segmenting_transformer(output_cls_token=True), INPUTS[..., :16, :24]
    assert torch.equal(feature_map(backbone, inputs), backbone(inputs)[-1][0])


def test_a_backbone_of_vectors_has_no_map():
    with pytest.raises(NothingToDraw, match=r"MeanColours returns \(2, 3\), not a map"):
        feature_map(MeanColours(pooled=True), INPUTS)
    assert torch.allclose(pooled_features(MeanColours(pooled=True), INPUTS), INPUTS.mean((2, 3)))
