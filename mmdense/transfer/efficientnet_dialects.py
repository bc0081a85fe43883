"""Names of EfficientNets with the depth of B0 and Lite0; timm's are the canonical ones."""

from mmdense.transfer.dialect import Dialect, rows, same

__all__ = ["NUMBERED_EFFICIENTNET", "TIMM_EFFICIENTNET"]

_DEPTHS = (1, 2, 2, 3, 3, 4, 1)  # blocks of each stage: Tan and Le, arXiv:1905.11946, table 1
_STEM = ("conv_stem.weight", "bn1.*")
# Parts of a block, by their numbered and by timm's names. The first stage expands nothing.
_FIRST = (
    ("_depthwise_conv", "conv_dw"),
    ("_bn1", "bn1"),
    ("_project_conv", "conv_pw"),
    ("_bn2", "bn2"),
)
_OTHERS = (
    ("_expand_conv", "conv_pw"),
    ("_bn0", "bn1"),
    ("_depthwise_conv", "conv_dw"),
    ("_bn1", "bn2"),
    ("_project_conv", "conv_pwl"),
    ("_bn2", "bn3"),
)
_SQUEEZE = (("_se_reduce", "se.conv_reduce"), ("_se_expand", "se.conv_expand"))
_BLOCKS = [(stage, block) for stage, depth in enumerate(_DEPTHS) for block in range(depth)]

TIMM_EFFICIENTNET = Dialect(
    "EfficientNet of timm",
    "efficientnet",
    marks=("conv_stem.weight", "blocks.0.0.conv_dw.weight"),
    rows=same(*_STEM, "blocks.{i}.*"),
    heads=("conv_head.weight", "bn2.*", "classifier.*"),
)

NUMBERED_EFFICIENTNET = Dialect(
    "EfficientNet whose blocks are numbered through (EfficientNet-PyTorch)",
    "efficientnet",
    marks=("_conv_stem.weight", "_blocks.0._depthwise_conv.weight"),
    rows=rows(
        ("_conv_stem.weight", "conv_stem.weight"),
        ("_bn0.*", "bn1.*"),
        *(
            (f"_blocks.{number}.{own}.*", f"blocks.{stage}.{block}.{canonical}.*")
            for number, (stage, block) in enumerate(_BLOCKS)
            for own, canonical in (*(_OTHERS if stage else _FIRST), *_SQUEEZE)
        ),
    ),
    heads=("_conv_head.weight", "_bn1.*", "_fc.*"),
)
