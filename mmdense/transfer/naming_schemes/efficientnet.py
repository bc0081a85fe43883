"""Keys of EfficientNets with the depth of B0 and Lite0; timm's are the canonical ones."""

from mmdense.transfer.naming_schemes.scheme import NamingScheme, keep, rename

__all__ = ["SCHEMES"]

_DEPTHS = (1, 2, 2, 3, 3, 4, 1)  # blocks of each stage: Tan and Le, arXiv:1905.11946, table 1
_SQUEEZE = {"_se_reduce.*": "se.conv_reduce.*", "_se_expand.*": "se.conv_expand.*"}
_FIRST_STAGE = {  # it expands nothing
    "_depthwise_conv.*": "conv_dw.*",
    "_bn1.*": "bn1.*",
    "_project_conv.*": "conv_pw.*",
    "_bn2.*": "bn2.*",
    **_SQUEEZE,
}
_LATER_STAGES = {
    "_expand_conv.*": "conv_pw.*",
    "_bn0.*": "bn1.*",
    "_depthwise_conv.*": "conv_dw.*",
    "_bn1.*": "bn2.*",
    "_project_conv.*": "conv_pwl.*",
    "_bn2.*": "bn3.*",
    **_SQUEEZE,
}
_BLOCKS = [(stage, block) for stage, depth in enumerate(_DEPTHS) for block in range(depth)]

_CANONICAL = keep("conv_stem.weight", "bn1.*", "blocks.{i}.*")

TIMM = NamingScheme(
    "EfficientNet of timm",
    "efficientnet",
    signature=("conv_stem.weight", "blocks.0.0.conv_dw.weight"),
    rules=_CANONICAL,
    other=("conv_head.weight", "bn2.*", "classifier.*"),
)

NUMBERED = NamingScheme(
    "EfficientNet with consecutive block numbers (EfficientNet-PyTorch)",
    "efficientnet",
    signature=("_conv_stem.weight", "_blocks.0._depthwise_conv.weight"),
    rules=(
        *rename({"_conv_stem.weight": "conv_stem.weight", "_bn0.*": "bn1.*"}),
        *(
            rule
            for number, (stage, block) in enumerate(_BLOCKS)
            for rule in rename(
                _LATER_STAGES if stage else _FIRST_STAGE,
                f"_blocks.{number}.",
                f"blocks.{stage}.{block}.",
            )
        ),
    ),
    other=("_conv_head.weight", "_bn1.*", "_fc.*"),
)

SCHEMES = (TIMM, NUMBERED)
