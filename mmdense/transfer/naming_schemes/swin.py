"""Keys of Swin transformers; those of its authors are the canonical ones."""

from torch import Tensor

from mmdense.transfer.naming_schemes.scheme import (
    Conversion,
    KeyRule,
    NamingScheme,
    keep,
    rename,
)

__all__ = ["SCHEMES"]


def from_unfold_order(weight: Tensor) -> Tensor:
    """Patch merging: from the channel order of ``nn.Unfold`` to that of Swin's authors.

    The authors concatenate the four neighbours of a window, column by column. ``nn.Unfold`` gives
    each channel its four neighbours, row by row.

    Args:
        weight: [..., C * 4], the weights of a norm or the columns of the reduction.
    """
    C = weight.shape[-1] // 4
    windows = weight.unflatten(-1, (C, 2, 2))  # [..., C, row, column]
    return windows.movedim((-1, -2), (-3, -2)).flatten(-3)  # [..., column * row * C]


def to_unfold_order(weight: Tensor) -> Tensor:
    """The inverse of :func:`from_unfold_order`."""
    C = weight.shape[-1] // 4
    windows = weight.unflatten(-1, (2, 2, C))  # [..., column, row, C]
    return windows.movedim((-3, -2), (-1, -2)).flatten(-3)  # [..., C * row * column]


_UNFOLD_ORDER = Conversion(from_unfold_order, lambda weight: (to_unfold_order(weight),))

_TABLE = "attn.relative_position_bias_table"
_BLOCK = ("norm1.*", "attn.qkv.*", "attn.proj.*", "norm2.*", "mlp.fc1.*", "mlp.fc2.*", _TABLE)
_CANONICAL = keep(
    *("patch_embed.proj.*", "patch_embed.norm.*", "absolute_pos_embed", "norm.*"),
    *(f"layers.{{i}}.blocks.{{j}}.{part}" for part in _BLOCK),
    *("layers.{i}.downsample.norm.*", "layers.{i}.downsample.reduction.*"),
    *("norm0.*", "norm1.*", "norm2.*"),  # of a detector
)
_OTHER = (
    *("head.*", "heads.*", "fc.*", "layers.{i}.blocks.{j}.attn_mask"),
    "layers.{i}.blocks.{j}.attn.relative_position_index",
    "stages.{i}.blocks.{j}.attn.w_msa.relative_position_index",
    "features.{i}.{j}.attn.relative_position_index",
)
_OPENMMLAB_BLOCK = {
    "norm1.*": "norm1.*",
    "norm2.*": "norm2.*",
    "attn.w_msa.qkv.*": "attn.qkv.*",
    "attn.w_msa.proj.*": "attn.proj.*",
    "attn.w_msa.relative_position_bias_table": _TABLE,
    "ffn.layers.0.0.*": "mlp.fc1.*",
    "ffn.layers.1.*": "mlp.fc2.*",
}
_TORCHVISION_BLOCK = {
    **{part: part for part in _BLOCK},
    "mlp.0.*": "mlp.fc1.*",
    "mlp.3.*": "mlp.fc2.*",
}


def _swin(name: str, signature: tuple[str, ...], *renames: KeyRule) -> NamingScheme:
    return NamingScheme(name, "swin", signature, (*renames, *_CANONICAL), _OTHER)


SCHEMES = (
    _swin(
        "Swin of its authors",
        (f"layers.{{i}}.blocks.{{j}}.{_TABLE}", "layers.0.downsample.reduction.weight"),
    ),
    _swin(
        "timm Swin",
        (f"layers.{{i}}.blocks.{{j}}.{_TABLE}", "layers.1.downsample.reduction.weight"),
        *rename({f"layers.{i + 1}.downsample.*": f"layers.{i}.downsample.*" for i in range(3)}),
    ),
    _swin(
        "Swin of MMPretrain, MMDetection and MMSegmentation",
        ("stages.{i}.blocks.{j}.attn.w_msa.qkv.weight",),
        *rename({"patch_embed.projection.*": "patch_embed.proj.*", "norm3.*": "norm.*"}),
        *rename(
            {"norm.*": "norm.*", "reduction.*": "reduction.*"},
            "stages.{i}.downsample.",
            "layers.{i}.downsample.",
            _UNFOLD_ORDER,
        ),
        *rename(_OPENMMLAB_BLOCK, "stages.{i}.blocks.{j}.", "layers.{i}.blocks.{j}."),
    ),
    _swin(
        "torchvision Swin",
        ("features.1.{j}.attn.qkv.weight", "features.2.reduction.weight"),
        *rename({"features.0.0.*": "patch_embed.proj.*", "features.0.2.*": "patch_embed.norm.*"}),
        *(
            rule
            for i in range(4)
            for rule in (
                *rename(
                    _TORCHVISION_BLOCK, f"features.{2 * i + 1}.{{j}}.", f"layers.{i}.blocks.{{j}}."
                ),
                *rename({f"features.{2 * i + 2}.*": f"layers.{i}.downsample.*"}),
            )
        ),
    ),
)
