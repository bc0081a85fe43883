"""The attention of the last block equals a loop and upstream's own, and is drawn over its image."""

import math

import numpy as np
import pytest
import torch
from mmpretrain.models.backbones import BEiTViT, ResNet, SwinTransformer, VisionTransformer

from mmdense.evaluation.dense.last_attention import (
    NoAttentionError,
    QueriesAndKeys,
    last_queries_and_keys,
)
from mmdense.visual import attention_image
from mmdense.visual.attention import class_attention
from mmdense.visual.attention_image import draw_attention
from mmdense.visual.drawn import NothingToDraw
from tests.mmdense.visual.tiny_images import (
    ARCH,
    MeanColours,
    Preprocess,
    in_eval,
    segmenting_transformer,
    source,
)
from tests.references.attention_loop import class_attention_loop

INPUTS = torch.randn(2, 3, 16, 24, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("heads", "tokens", "extra", "size"), [(3, 7, 1, 5), (1, 4, 0, 8), (2, 6, 2, 1)]
)
def test_equals_the_loop(heads, tokens, extra, size, dtype):
    generator = torch.Generator().manual_seed(tokens)
    queries, keys = torch.randn(2, heads, tokens, size, generator=generator).to(dtype)
    found = class_attention(queries, keys, extra=extra)
    expected = class_attention_loop(queries.tolist(), keys.tolist(), extra)
    assert found.dtype == torch.float32
    assert torch.allclose(found, torch.tensor(expected), atol=1e-6)


def test_a_hand_computed_case():
    # One head, d = 4, so logits are halved. The class token (2, 0, 0, 0) meets keys whose first
    # numbers are 0, ln 3, ln 5: weights 1, 3 and 5 of 9, and the first is the token's own.
    keys = torch.zeros(1, 3, 4)
    keys[0, :, 0] = torch.tensor([0.0, math.log(3), math.log(5)])
    queries = torch.zeros(1, 3, 4)
    queries[0, 0, 0] = 2
    assert torch.allclose(class_attention(queries, keys, extra=1), torch.tensor([[3 / 9, 5 / 9]]))
    # Without a class token the mean query is (2 / 3, 0, 0, 0): weights 1, 3^(1/3), 5^(1/3).
    weights = torch.tensor([[1.0, 3 ** (1 / 3), 5 ** (1 / 3)]])
    assert torch.allclose(class_attention(queries, keys, extra=0), weights / weights.sum())


def test_large_logits_do_not_overflow():
    keys = torch.tensor([[[0.0], [1e4], [0.0]]])
    found = class_attention(torch.full_like(keys, 1e4), keys, extra=1)
    assert found.tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("queries", "keys", "extra", "message"),
    [
        ((2, 3, 4), (2, 4, 4), 1, "must both be [h, L, d]"),
        ((3, 4), (3, 4), 1, "must both be [h, L, d]"),
        ((2, 3, 4), (2, 3, 4), 3, "extra is 3; it must be from 0 to 2"),
    ],
)
def test_bad_shapes_are_named(queries, keys, extra, message):
    with pytest.raises(ValueError, match="be") as caught:
        class_attention(torch.zeros(queries), torch.zeros(keys), extra=extra)
    assert message in str(caught.value)


def last_attention(backbone):
    """Return input and output of the last attention in a run, and its queries and keys."""
    attention, kept = backbone.layers[-1].attn, []
    handle = attention.register_forward_hook(
        lambda _, inputs, output: kept.append((inputs, output))
    )
    found = last_queries_and_keys(backbone, INPUTS)
    handle.remove()
    assert not attention._forward_pre_hooks
    return attention, kept[0][0][0], kept[0][1], found


@pytest.mark.parametrize("class_token", [True, False])
def test_mmpretrain(class_token):
    torch.manual_seed(1)
    backbone = in_eval(
        VisionTransformer(
            ARCH, img_size=(16, 24), patch_size=8, with_cls_token=class_token, out_type="raw"
        )
    )
    attention, tokens, output, found = last_attention(backbone)
    assert found.extra == class_token
    assert found.queries.shape == found.keys.shape == (2, 3, 6 + class_token, 4)
    weights = (found.queries @ found.keys.transpose(2, 3) / 2).softmax(dim=-1)  # d = 4
    values = attention.qkv(tokens)[..., 24:].unflatten(-1, (3, 4)).transpose(1, 2)
    again = attention.proj((weights @ values).transpose(1, 2).flatten(2))
    assert torch.allclose(again, output, atol=1e-6)


@pytest.mark.parametrize("class_token", [True, False])
def test_mmsegmentation(class_token):
    backbone = segmenting_transformer(with_cls_token=class_token)
    attention, tokens, _, found = last_attention(backbone)
    assert found.extra == class_token
    weights = (found.queries @ found.keys.transpose(2, 3) / 2).softmax(dim=-1)
    of_torch = tokens.transpose(0, 1)  # [L, B, D]
    _, expected = attention.attn(of_torch, of_torch, of_torch, average_attn_weights=False)
    assert torch.allclose(weights, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        (lambda: ResNet(18, stem_channels=4, base_channels=4), "ResNet has no attention blocks"),
        (lambda: SwinTransformer("tiny"), "SwinTransformer has no attention blocks"),
        (lambda: BEiTViT(ARCH, img_size=16, patch_size=8), "BEiTViT uses BEiTAttention"),
    ],
)
def test_other_backbones_are_not_supported(backbone, message):
    with pytest.raises(NoAttentionError, match=message):
        last_queries_and_keys(backbone(), INPUTS)
    with pytest.raises(NothingToDraw, match=message):
        draw_attention(in_eval(backbone()), Preprocess(), source())


def test_windowed_attention_is_not_supported():
    backbone = MeanColours()  # does not call its block
    backbone.layers = VisionTransformer(ARCH, img_size=16, patch_size=8).layers
    with pytest.raises(NoAttentionError, match="does not attend over all tokens"):
        last_queries_and_keys(backbone, INPUTS)


def transformer(heads, class_token=True):
    torch.manual_seed(0)
    arch = {**ARCH, "embed_dims": 4 * heads, "num_layers": 1, "num_heads": heads}
    out_type = "cls_token" if class_token else "avg_featmap"
    return in_eval(
        VisionTransformer(
            arch, img_size=(24, 32), patch_size=8, with_cls_token=class_token, out_type=out_type
        )
    )


def test_attention_to_one_patch_is_yellow_there(monkeypatch):
    keys = torch.zeros(1, 1, 13, 4)
    keys[0, 0, 1 + 5] = 40  # patch 5 of 4 x 3: second row, second column

    found = QueriesAndKeys(torch.ones_like(keys), keys, 1, (3, 4))
    monkeypatch.setattr(attention_image, "last_queries_and_keys", lambda *_: found)
    drawn = draw_attention(transformer(1), Preprocess(), source())
    assert "its 1 head side by side, on 6 evenly" in drawn.caption
    assert "over 12 patches would be 8.3 %" in drawn.caption
    assert "the class token over the patches" in drawn.caption
    # Eight columns of 174 x 130; the first head begins at 14 + 174 + 6. Yellow has little blue.
    pixels = np.asarray(drawn.image).astype(int)
    panel = pixels[31 : 31 + 130, 194 : 194 + 174]
    middles = panel[[21, 65, 108]][:, [21, 65, 108, 152]]  # [3, 4, 3]
    yellow = middles[..., 0] - middles[..., 2] > 60
    assert np.argwhere(yellow).tolist() == [[1, 1]]


def test_many_heads_and_no_class_token():
    drawn = draw_attention(transformer(13, class_token=False), Preprocess(), source(size=2))
    assert "the first 12 of its 13 heads side by side, on all 2 images" in drawn.caption
    assert "the mean query of the patches (no class token)" in drawn.caption
    assert drawn.image.width <= 1600
