"""Names of vision transformers; timm's are the canonical ones.

They were read from the installed packages and from the published code of DeiT, DINO, DINOv2, MAE,
BEiT, MoCo v3 and iBOT.
"""

from mmdense.transfer.dialect import Dialect, Join, Row, rows, same

__all__ = ["CHUNKED_VIT", "MMPRETRAIN_VIT", "MMSEG_VIT", "TIMM_VIT", "TORCHVISION_VIT"]

_VIT_TOKENS = same("cls_token", "dist_token") + rows(("pos_embed", "pos_embed", "flat_grid"))
_SHARED_BIAS = "rel_pos_bias.relative_position_bias_table"  # of all blocks
_BLOCK = (
    "norm1.*",
    "attn.qkv.*",
    "attn.proj.*",
    "attn.relative_position_bias_table",
    "attn.rel_pos_h",
    "attn.rel_pos_w",
    "attn.q_norm.*",
    "attn.k_norm.*",
    "norm2.*",
    "mlp.fc1.*",
    "mlp.fc2.*",
    "mlp.w12.*",
    "mlp.w3.*",
)
_VIT_HEADS = (
    *("head.*", "head_dist.*", "heads.*", "fc.*", "classifier.*", "lm_head.*", "mask_token"),
    *("decoder_embed.*", "decoder_pos_embed", "decoder_blocks.*", "decoder_norm.*"),
    "decoder_pred.*",
    *("predictor.*", "masked_embed", "blocks.{i}.attn.relative_position_index"),
    "rel_pos_bias.relative_position_index",
)

# What many vision transformers are built without.
_OPTIONAL = (
    "blocks.{i}.ls1.gamma",
    "blocks.{i}.ls2.gamma",
    "blocks.{i}.attn.relative_position_bias_table",
    _SHARED_BIAS,
    "blocks.{i}.attn.rel_pos_h",
    "blocks.{i}.attn.rel_pos_w",
)

TIMM_VIT = Dialect(
    "timm ViT (DeiT, DINO, DINOv2, MAE, MoCo v3, iBOT, ViTDet)",
    "vit",
    marks=("blocks.{i}.attn.qkv.weight", "blocks.{i}.norm1.weight", "patch_embed.proj.weight"),
    rows=_VIT_TOKENS
    + same("reg_token", "patch_embed.proj.*", "norm_pre.*", "norm.*", "fc_norm.*", _SHARED_BIAS)
    + rows(("register_tokens", "reg_token"))
    + same(*(f"blocks.{{i}}.{part}" for part in _BLOCK))
    + rows(
        ("blocks.{i}.ls1.gamma", "blocks.{i}.ls1.gamma"),
        ("blocks.{i}.ls2.gamma", "blocks.{i}.ls2.gamma"),
        ("blocks.{i}.gamma_1", "blocks.{i}.ls1.gamma"),
        ("blocks.{i}.gamma_2", "blocks.{i}.ls2.gamma"),
    ),
    joins=(
        Join(
            ("blocks.{i}.attn.q_bias", "blocks.{i}.attn.v_bias"),
            "blocks.{i}.attn.qkv.bias",
            "query_and_value_bias",
        ),
    ),
    heads=_VIT_HEADS,
    optional=_OPTIONAL,
)

CHUNKED_VIT = Dialect(
    "DINOv2 ViT in training, blocks in chunks",
    "vit",
    marks=("blocks.{c}.{i}.attn.qkv.weight",),
    rows=_VIT_TOKENS
    + same("patch_embed.proj.*", "norm.*")
    + rows(("register_tokens", "reg_token"))
    + tuple(
        Row(f"blocks.{{c}}.{{i}}.{part}", f"blocks.{{i}}.{part}")
        for part in (*_BLOCK, "ls1.gamma", "ls2.gamma")
    ),
    heads=_VIT_HEADS,
    optional=_OPTIONAL,
)

_MM_FFN = (
    ("layers.{i}.ffn.layers.0.0.*", "blocks.{i}.mlp.fc1.*"),
    ("layers.{i}.ffn.layers.1.*", "blocks.{i}.mlp.fc2.*"),
)
_MM_VIT_REST = (
    ("patch_embed.projection.*", "patch_embed.proj.*"),
    ("layers.{i}.ln1.*", "blocks.{i}.norm1.*"),
    ("layers.{i}.ln2.*", "blocks.{i}.norm2.*"),
    *_MM_FFN,
    ("ln1.*", "norm.*"),
)

MMPRETRAIN_VIT = Dialect(
    "MMPretrain ViT (DeiT, MAE, MoCo v3, DINOv2, BEiT, SAM) and MMSegmentation's MAE and BEiT",
    "vit",
    marks=("layers.{i}.attn.qkv.weight", "layers.{i}.ln1.weight"),
    rows=_VIT_TOKENS
    + same(_SHARED_BIAS)
    + rows(
        *_MM_VIT_REST,
        ("pre_norm.*", "norm_pre.*"),
        ("ln2.*", "fc_norm.*"),
        ("layers.{i}.attn.qkv.*", "blocks.{i}.attn.qkv.*"),
        ("layers.{i}.attn.proj.*", "blocks.{i}.attn.proj.*"),
        ("layers.{i}.attn.gamma1.weight", "blocks.{i}.ls1.gamma"),
        ("layers.{i}.ffn.gamma2.weight", "blocks.{i}.ls2.gamma"),
        ("layers.{i}.gamma_1", "blocks.{i}.ls1.gamma"),
        ("layers.{i}.gamma_2", "blocks.{i}.ls2.gamma"),
        *(
            (f"layers.{{i}}.attn.{part}", f"blocks.{{i}}.attn.{part}")
            for part in ("relative_position_bias_table", "rel_pos_h", "rel_pos_w")
        ),
        ("layers.{i}.ffn.w12.*", "blocks.{i}.mlp.w12.*"),
        ("layers.{i}.ffn.w3.*", "blocks.{i}.mlp.w3.*"),
    ),
    joins=(
        Join(
            ("layers.{i}.attn.q_bias", "layers.{i}.attn.v_bias"),
            "blocks.{i}.attn.qkv.bias",
            "query_and_value_bias",
        ),
    ),
    heads=(*_VIT_HEADS, "layers.{i}.attn.relative_position_index"),
    optional=_OPTIONAL,
)

MMSEG_VIT = Dialect(
    "MMSegmentation ViT",
    "vit",
    marks=("layers.{i}.attn.attn.in_proj_weight", "layers.{i}.ln1.weight"),
    rows=_VIT_TOKENS
    + rows(
        *_MM_VIT_REST,
        ("layers.{i}.attn.attn.in_proj_weight", "blocks.{i}.attn.qkv.weight"),
        ("layers.{i}.attn.attn.in_proj_bias", "blocks.{i}.attn.qkv.bias"),
        ("layers.{i}.attn.attn.out_proj.*", "blocks.{i}.attn.proj.*"),
    ),
    heads=_VIT_HEADS,
    optional=(*_OPTIONAL, "patch_embed.proj.bias"),  # patch_bias=False
)

TORCHVISION_VIT = Dialect(
    "torchvision ViT",
    "vit",
    marks=("encoder.layers.encoder_layer_{i}.self_attention.in_proj_weight", "conv_proj.weight"),
    rows=rows(
        ("class_token", "cls_token"),
        ("encoder.pos_embedding", "pos_embed"),
        ("conv_proj.*", "patch_embed.proj.*"),
        ("encoder.ln.*", "norm.*"),
        *(
            (f"encoder.layers.encoder_layer_{{i}}.{own}", f"blocks.{{i}}.{canonical}")
            for own, canonical in (
                ("ln_1.*", "norm1.*"),
                ("ln_2.*", "norm2.*"),
                ("self_attention.in_proj_weight", "attn.qkv.weight"),
                ("self_attention.in_proj_bias", "attn.qkv.bias"),
                ("self_attention.out_proj.*", "attn.proj.*"),
                ("mlp.linear_1.*", "mlp.fc1.*"),
                ("mlp.linear_2.*", "mlp.fc2.*"),
                ("mlp.0.*", "mlp.fc1.*"),
                ("mlp.3.*", "mlp.fc2.*"),
            )
        ),
    ),
    heads=_VIT_HEADS,
    optional=_OPTIONAL,
)
