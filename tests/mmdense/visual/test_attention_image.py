"""Heads stand side by side, bright where the attention lies."""

import mmdense  # noqa: F401

# isort: split
import numpy as np
import pytest
import torch
from mmpretrain.models.backbones import VisionTransformer

from mmdense.visual import attention_image
from mmdense.visual.attention_image import QueriesAndKeys, draw_attention
from mmdense.visual.drawn import NothingToDraw
from tests.mmdense.visual.tiny_images import MeanColours, Preprocess, in_eval, source


def transformer(heads, class_token=True):
    torch.manual_seed(0)
    arch = {
        "embed_dims": 4 * heads,
        "num_layers": 1,
        "num_heads": heads,
        "feedforward_channels": 8,
    }
    out_type = "cls_token" if class_token else "avg_featmap"
    return in_eval(
        VisionTransformer(
            arch, img_size=(24, 32), patch_size=8, with_cls_token=class_token, out_type=out_type
        )
    )


def test_attention_to_one_patch_is_yellow_there(monkeypatch):
    keys = torch.zeros(1, 1, 13, 4)
    keys[0, 0, 1 + 5] = 40  # patch 5 of 4 x 3: second row, second column

    def given(backbone, run):
        run()
        return QueriesAndKeys(torch.ones_like(keys), keys, extra=1)

    monkeypatch.setattr(attention_image, "last_queries_and_keys", given)
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
    again = draw_attention(transformer(13, class_token=False), Preprocess(), source(size=2))
    assert (np.asarray(again.image) == np.asarray(drawn.image)).all()


def test_other_backbones_have_no_such_picture():
    with pytest.raises(NothingToDraw, match="no attention blocks"):
        draw_attention(MeanColours(), Preprocess(), source())
