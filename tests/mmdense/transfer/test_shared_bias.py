"""One table of relative positions for all blocks, or one in each: the same function."""

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
import pytest
import torch
from mmengine.registry import MODELS

from mmdense.transfer.backbone import load_backbone
from tests.mmdense.transfer.transfer_cases import refused, saved
from tests.references import published_weights as published

SHARED = "rel_pos_bias.relative_position_bias_table"
OWN = [f"blocks.{i}.attn.relative_position_bias_table" for i in range(published.DEPTH)]


def pretrained() -> dict:
    """BEiT as it is pretrained: one table, and tokens and heads for its masked patches."""
    weights = published.beit()["model"]
    table = weights[OWN[0]]
    for name in OWN:
        del weights[name], weights[name.replace("bias_table", "index")]
    for part in ("weight", "bias"):
        weights[f"norm.{part}"] = weights.pop(f"fc_norm.{part}")
    index = {"rel_pos_bias.relative_position_index": torch.zeros(10, 10, dtype=torch.long)}
    more = {"mask_token": (1, 1, published.WIDTH), "lm_head.weight": (9, published.WIDTH)}
    return {"model": weights | {SHARED: table} | index | published.draw(more)}


def beit(*, shared: bool, grid: int = published.GRID):
    sizes = {"embed_dims": published.WIDTH, "num_layers": published.DEPTH, "num_heads": 2}
    backbone = MODELS.build(
        {
            "type": "mmpretrain.BEiTViT",
            "arch": {**sizes, "feedforward_channels": 4 * published.WIDTH},
            "img_size": grid * published.PATCH,
            "patch_size": published.PATCH,
            "out_type": "featmap",
            "use_rel_pos_bias": not shared,
            "use_shared_rel_pos_bias": shared,
            "final_norm": True,
        }
    )
    backbone.eval()
    return backbone


@torch.no_grad()
def features(backbone):
    side = published.GRID * published.PATCH
    picture = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(3))
    return backbone(picture)[-1]


def test_one_table_and_one_in_each_block_give_the_same_features(tmp_path):
    path = saved(tmp_path, pretrained())
    one, each, back = (beit(shared=kind) for kind in (True, False, True))
    assert load_backbone(one, path).covered == 1
    report = load_backbone(each, path)
    assert report.covered == 1
    assert [entry.name for entry in report.entries if entry.status == "folded"] == [SHARED]
    torch.testing.assert_close(features(each), features(one), atol=1e-5, rtol=0)
    assert load_backbone(back, saved(tmp_path, each.state_dict())).covered == 1
    assert torch.equal(
        back.rel_pos_bias.relative_position_bias_table, pretrained()["model"][SHARED]
    )
    # The table matters: without it the features are others.
    back.rel_pos_bias.relative_position_bias_table.data.zero_()
    assert (features(back) - features(one)).abs().max() > 1e-3


def test_blocks_that_differ_have_no_table_in_common(tmp_path):
    each = beit(shared=False)
    load_backbone(each, saved(tmp_path, pretrained()))
    weights = each.state_dict()
    weights["layers.1.attn.relative_position_bias_table"][2, 1] += 1
    message = "left over: blocks.0.attn.relative_position_bias_table, blocks.1"
    refused(beit(shared=True), saved(tmp_path, weights), message)
    del weights["layers.1.attn.relative_position_bias_table"]
    message = "left over: blocks.0.attn.relative_position_bias_table"
    refused(beit(shared=True), saved(tmp_path, weights), message)


def test_a_source_with_both_has_their_sum(tmp_path):
    content = pretrained()
    own = published.draw({name: content["model"][SHARED].shape for name in OWN}, seed=4)
    target = beit(shared=False)
    load_backbone(target, saved(tmp_path, {"model": content["model"] | own}))
    for layer, name in zip(target.layers, OWN, strict=True):
        expected = own[name] + content["model"][SHARED]
        assert torch.equal(layer.attn.relative_position_bias_table, expected)


@pytest.mark.parametrize("shared", [True, False])
def test_it_is_resized(tmp_path, shared):
    target = beit(shared=shared, grid=published.GRID + 1)
    report = load_backbone(target, saved(tmp_path, pretrained()))
    assert report.covered == 1
    resized = [entry.name for entry in report.entries if entry.status == "resized"]
    assert len(resized) == (1 if shared else published.DEPTH)


def test_a_source_without_relative_positions_gives_zeros(tmp_path):
    weights = pretrained()["model"]
    del weights[SHARED]
    target = beit(shared=True)
    target.rel_pos_bias.relative_position_bias_table.data.fill_(1)
    load_backbone(target, saved(tmp_path, weights))
    assert not target.rel_pos_bias.relative_position_bias_table.any()
