"""Queries and keys that are read again give the attention that the hosts compute."""

import mmdense  # noqa: F401

# isort: split
import pytest
import torch
from mmpretrain.models.backbones import BEiTViT, ResNet, SwinTransformer, VisionTransformer
from mmseg.models.backbones import VisionTransformer as SegmentingTransformer
from torch import nn

from mmdense.visual.attention_image import last_queries_and_keys
from mmdense.visual.drawn import NothingToDraw
from tests.mmdense.visual.tiny_images import in_eval

ARCH = {"embed_dims": 12, "num_layers": 2, "num_heads": 3, "feedforward_channels": 16}
INPUTS = torch.randn(2, 3, 16, 24, generator=torch.Generator().manual_seed(0))


def output_of_last(backbone, attention):
    """What the last attention gives in a run, and what is read of it."""
    kept = []
    handle = attention.register_forward_hook(
        lambda _, inputs, output: kept.append((inputs, output))
    )
    found = last_queries_and_keys(backbone, lambda: backbone(INPUTS))
    handle.remove()
    return *kept[0], found


@pytest.mark.parametrize("class_token", [True, False])
def test_mmpretrain(class_token):
    torch.manual_seed(1)
    backbone = in_eval(
        VisionTransformer(
            ARCH, img_size=(16, 24), patch_size=8, with_cls_token=class_token, out_type="raw"
        )
    )
    attention = backbone.layers[-1].attn
    (tokens,), output, found = output_of_last(backbone, attention)
    assert found.extra == class_token
    assert found.queries.shape == found.keys.shape == (2, 3, 6 + class_token, 4)
    weights = (found.queries @ found.keys.transpose(2, 3) / 2).softmax(dim=-1)  # d = 4
    values = attention.qkv(tokens)[..., 24:].unflatten(-1, (3, 4)).transpose(1, 2)
    again = attention.proj((weights @ values).transpose(1, 2).flatten(2))
    assert torch.allclose(again, output, atol=1e-6)
    assert not attention._forward_pre_hooks


@pytest.mark.parametrize("class_token", [True, False])
def test_mmsegmentation(class_token):
    torch.manual_seed(1)
    backbone = in_eval(
        SegmentingTransformer(
            img_size=(16, 24),
            patch_size=8,
            embed_dims=12,
            num_layers=2,
            num_heads=3,
            with_cls_token=class_token,
            out_indices=1,
        )
    )
    attention = backbone.layers[-1].attn
    (tokens,), _, found = output_of_last(backbone, attention)
    assert found.extra == class_token
    weights = (found.queries @ found.keys.transpose(2, 3) / 2).softmax(dim=-1)
    of_torch = tokens.transpose(0, 1)  # [L, B, D]
    _, expected = attention.attn(of_torch, of_torch, of_torch, average_attn_weights=False)
    assert torch.allclose(weights, expected, atol=1e-6)


class Conv(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3, 3, 1)])


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        (lambda: ResNet(18, stem_channels=4, base_channels=4), "ResNet has no attention blocks"),
        (lambda: SwinTransformer("tiny"), "SwinTransformer has no attention blocks"),
        (Conv, "Conv has no attention blocks"),
        (
            lambda: BEiTViT(ARCH, img_size=16, patch_size=8),
            "BEiTViT uses BEiTAttention",
        ),
    ],
)
def test_others_have_no_such_picture(backbone, message):
    with pytest.raises(NothingToDraw, match=message):
        last_queries_and_keys(backbone(), lambda: None)


def test_a_backbone_that_passes_its_last_block_by():
    backbone = VisionTransformer(ARCH, img_size=16, patch_size=8)
    with pytest.raises(NothingToDraw, match="does not attend over all tokens"):
        last_queries_and_keys(backbone, lambda: None)
