"""Keys of vision transformers; timm's are the canonical ones.

They were read from the installed packages and from the published code of DeiT, DINO, DINOv2, MAE,
BEiT, MoCo v3 and iBOT.
"""

import torch
from torch import Tensor

from mmdense.transfer.naming_schemes.scheme import Conversion, KeyRule, NamingScheme, keep, rename

__all__ = ["BIAS_TABLE", "SCHEMES", "SHARED_BIAS_TABLE"]

BIAS_TABLE = "blocks.{i}.attn.relative_position_bias_table"  # of one block
SHARED_BIAS_TABLE = "rel_pos_bias.relative_position_bias_table"  # of all blocks


def join_query_and_value_bias(query: Tensor, value: Tensor) -> Tensor:
    """BEiT's keys have no bias: [C] of queries and [C] of values to [3 * C], zero for keys."""
    return torch.cat((query, torch.zeros_like(query), value))


def split_query_and_value_bias(bias: Tensor) -> tuple[Tensor, Tensor]:
    """The biases of queries and values, [C] each, from [3 * C].

    The bias of the keys is dropped without effect: it adds the same number to all scores of a
    query, and the softmax is invariant to that.
    """
    query, _, value = bias.chunk(3)
    return query, value


def _beit_bias(block: str) -> KeyRule:
    keys = (f"{block}.attn.q_bias", f"{block}.attn.v_bias")
    conversion = Conversion(join_query_and_value_bias, split_query_and_value_bias)
    return KeyRule(keys, "blocks.{i}.attn.qkv.bias", conversion)


# SAM and ViTDet keep the positions of patches as [1, h, w, C]: to [1, h * w, C].
_FLAT_GRID = Conversion(
    lambda grid: grid.flatten(1, 2) if grid.ndim == 4 else grid, lambda rows: (rows,)
)

_ATTENTION = (
    *("attn.qkv.*", "attn.proj.*", "attn.relative_position_bias_table"),
    *("attn.rel_pos_h", "attn.rel_pos_w"),
)
_BLOCK = (
    *("norm1.*", "norm2.*", *_ATTENTION, "attn.q_norm.*", "attn.k_norm.*"),
    *("mlp.fc1.*", "mlp.fc2.*", "mlp.w12.*", "mlp.w3.*", "ls1.gamma", "ls2.gamma"),
)
_CANONICAL = (
    *keep("cls_token", "dist_token", "reg_token", "patch_embed.proj.*", SHARED_BIAS_TABLE),
    *keep("norm_pre.*", "norm.*", "fc_norm.*", *(f"blocks.{{i}}.{part}" for part in _BLOCK)),
    *rename({"pos_embed": "pos_embed"}, conversion=_FLAT_GRID),
    *rename({"register_tokens": "reg_token"}),
)
_BEIT_SCALES = {"gamma_1": "ls1.gamma", "gamma_2": "ls2.gamma"}
_OTHER = (
    *("head.*", "head_dist.*", "heads.*", "fc.*", "classifier.*", "lm_head.*", "mask_token"),
    *("decoder_embed.*", "decoder_pos_embed", "decoder_blocks.*", "decoder_norm.*"),
    *("decoder_pred.*", "predictor.*", "masked_embed"),
    *("blocks.{i}.attn.relative_position_index", "layers.{i}.attn.relative_position_index"),
    "rel_pos_bias.relative_position_index",
)
_OPTIONAL = (
    *("blocks.{i}.ls1.gamma", "blocks.{i}.ls2.gamma", BIAS_TABLE, SHARED_BIAS_TABLE),
    *("blocks.{i}.attn.rel_pos_h", "blocks.{i}.attn.rel_pos_w"),
)
_MM_STEM = rename({"patch_embed.projection.*": "patch_embed.proj.*", "ln1.*": "norm.*"})
_MM_BLOCK = {
    "ln1.*": "norm1.*",
    "ln2.*": "norm2.*",
    "ffn.layers.0.0.*": "mlp.fc1.*",
    "ffn.layers.1.*": "mlp.fc2.*",
}
_MMPRETRAIN_BLOCK = {
    **_MM_BLOCK,
    **_BEIT_SCALES,
    **{part: part for part in _ATTENTION},
    "attn.gamma1.weight": "ls1.gamma",
    "ffn.gamma2.weight": "ls2.gamma",
    "ffn.w12.*": "mlp.w12.*",
    "ffn.w3.*": "mlp.w3.*",
}
_MMSEG_BLOCK = {
    **_MM_BLOCK,
    "attn.attn.in_proj_weight": "attn.qkv.weight",
    "attn.attn.in_proj_bias": "attn.qkv.bias",
    "attn.attn.out_proj.*": "attn.proj.*",
}
_TORCHVISION_BLOCK = {
    "ln_1.*": "norm1.*",
    "ln_2.*": "norm2.*",
    "self_attention.in_proj_weight": "attn.qkv.weight",
    "self_attention.in_proj_bias": "attn.qkv.bias",
    "self_attention.out_proj.*": "attn.proj.*",
    "mlp.linear_1.*": "mlp.fc1.*",
    "mlp.linear_2.*": "mlp.fc2.*",
    "mlp.0.*": "mlp.fc1.*",
    "mlp.3.*": "mlp.fc2.*",
}


def _vit(
    name: str, signature: tuple[str, ...], *renames: KeyRule, optional: tuple[str, ...] = _OPTIONAL
) -> NamingScheme:
    return NamingScheme(name, "vit", signature, (*renames, *_CANONICAL), _OTHER, optional)


SCHEMES = (
    _vit(
        "DINOv2 ViT in training, blocks in chunks",
        ("blocks.{c}.{i}.attn.qkv.weight",),
        *rename({part: part for part in _BLOCK}, "blocks.{c}.{i}.", "blocks.{i}."),
    ),
    _vit(
        "timm ViT (DeiT, DINO, DINOv2, MAE, MoCo v3, iBOT, ViTDet)",
        ("blocks.{i}.attn.qkv.weight", "blocks.{i}.norm1.weight", "patch_embed.proj.weight"),
        *rename(_BEIT_SCALES, "blocks.{i}.", "blocks.{i}."),
        _beit_bias("blocks.{i}"),
    ),
    _vit(
        "MMPretrain ViT (DeiT, MAE, MoCo v3, DINOv2, BEiT, SAM) and MMSegmentation's MAE and BEiT",
        ("layers.{i}.attn.qkv.weight", "layers.{i}.ln1.weight"),
        *_MM_STEM,
        *rename({"pre_norm.*": "norm_pre.*", "ln2.*": "fc_norm.*"}),
        *rename(_MMPRETRAIN_BLOCK, "layers.{i}.", "blocks.{i}."),
        _beit_bias("layers.{i}"),
    ),
    _vit(
        "MMSegmentation ViT",
        ("layers.{i}.attn.attn.in_proj_weight", "layers.{i}.ln1.weight"),
        *_MM_STEM,
        *rename(_MMSEG_BLOCK, "layers.{i}.", "blocks.{i}."),
        optional=(*_OPTIONAL, "patch_embed.proj.bias"),  # patch_bias=False
    ),
    _vit(
        "torchvision ViT",
        ("encoder.layers.encoder_layer_{i}.self_attention.in_proj_weight", "conv_proj.weight"),
        *rename({"class_token": "cls_token", "conv_proj.*": "patch_embed.proj.*"}),
        *rename({"encoder.pos_embedding": "pos_embed", "encoder.ln.*": "norm.*"}),
        *rename(_TORCHVISION_BLOCK, "encoder.layers.encoder_layer_{i}.", "blocks.{i}."),
    ),
)
