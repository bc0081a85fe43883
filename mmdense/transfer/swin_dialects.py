"""Names of Swin transformers; those of its authors are the canonical ones."""

from mmdense.transfer.dialect import Dialect, rows, same

__all__ = ["MM_SWIN", "SWIN", "TIMM_SWIN", "TORCHVISION_SWIN"]

_SWIN_BLOCK = ("norm1.*", "attn.qkv.*", "attn.proj.*", "norm2.*", "mlp.fc1.*", "mlp.fc2.*")
_SWIN_BIAS = "attn.relative_position_bias_table"
_SWIN_NORMS = same("norm0.*", "norm1.*", "norm2.*")  # of the outputs of a detector
_SWIN_OWN = same(
    *("patch_embed.proj.*", "patch_embed.norm.*", "absolute_pos_embed", "norm.*"),
    *(f"layers.{{i}}.blocks.{{j}}.{part}" for part in (*_SWIN_BLOCK, _SWIN_BIAS)),
)
_SWIN_HEADS = (
    *("head.*", "heads.*", "fc.*", "layers.{i}.blocks.{j}.attn_mask"),
    "layers.{i}.blocks.{j}.attn.relative_position_index",
    "stages.{i}.blocks.{j}.attn.w_msa.relative_position_index",
)

SWIN = Dialect(
    "Swin of its authors",
    "swin",
    marks=(f"layers.{{i}}.blocks.{{j}}.{_SWIN_BIAS}", "layers.0.downsample.reduction.weight"),
    rows=_SWIN_OWN
    + _SWIN_NORMS
    + same("layers.{i}.downsample.norm.*", "layers.{i}.downsample.reduction.*"),
    heads=_SWIN_HEADS,
)

TIMM_SWIN = Dialect(
    "timm Swin",
    "swin",
    marks=(f"layers.{{i}}.blocks.{{j}}.{_SWIN_BIAS}", "layers.1.downsample.reduction.weight"),
    rows=_SWIN_OWN
    + rows(
        ("layers.{i+1}.downsample.norm.*", "layers.{i}.downsample.norm.*"),
        ("layers.{i+1}.downsample.reduction.*", "layers.{i}.downsample.reduction.*"),
    ),
    heads=_SWIN_HEADS,
)

MM_SWIN = Dialect(
    "Swin of MMPretrain, MMDetection and MMSegmentation",
    "swin",
    marks=("stages.{i}.blocks.{j}.attn.w_msa.qkv.weight",),
    rows=rows(
        ("patch_embed.projection.*", "patch_embed.proj.*"),
        ("patch_embed.norm.*", "patch_embed.norm.*"),
        ("absolute_pos_embed", "absolute_pos_embed"),
        ("stages.{i}.downsample.norm.*", "layers.{i}.downsample.norm.*", "unfold_order"),
        ("stages.{i}.downsample.reduction.*", "layers.{i}.downsample.reduction.*", "unfold_order"),
        *(
            (f"stages.{{i}}.blocks.{{j}}.{own}", f"layers.{{i}}.blocks.{{j}}.{canonical}")
            for own, canonical in (
                ("norm1.*", "norm1.*"),
                ("norm2.*", "norm2.*"),
                ("attn.w_msa.qkv.*", "attn.qkv.*"),
                ("attn.w_msa.proj.*", "attn.proj.*"),
                ("attn.w_msa.relative_position_bias_table", _SWIN_BIAS),
                ("ffn.layers.0.0.*", "mlp.fc1.*"),
                ("ffn.layers.1.*", "mlp.fc2.*"),
            )
        ),
        ("norm3.*", "norm.*"),
    )
    + _SWIN_NORMS,
    heads=_SWIN_HEADS,
)

TORCHVISION_SWIN = Dialect(
    "torchvision Swin",
    "swin",
    marks=("features.1.{j}.attn.qkv.weight", "features.2.reduction.weight"),
    rows=rows(
        ("features.0.0.*", "patch_embed.proj.*"),
        ("features.0.2.*", "patch_embed.norm.*"),
        ("norm.*", "norm.*"),
        *(
            (f"features.{2 * i + 1}.{{j}}.{own}", f"layers.{i}.blocks.{{j}}.{canonical}")
            for i in range(4)
            for own, canonical in (
                *((part, part) for part in ("norm1.*", "norm2.*", "attn.qkv.*", "attn.proj.*")),
                (_SWIN_BIAS, _SWIN_BIAS),
                ("mlp.0.*", "mlp.fc1.*"),
                ("mlp.3.*", "mlp.fc2.*"),
            )
        ),
        *(
            (f"features.{2 * i + 2}.{part}.*", f"layers.{i}.downsample.{part}.*")
            for i in range(3)
            for part in ("norm", "reduction")
        ),
    ),
    heads=(*_SWIN_HEADS, "features.{i}.{j}.attn.relative_position_index"),
)
