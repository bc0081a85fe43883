"""Names of ResNets; torchvision's are the canonical ones."""

from mmdense.transfer.dialect import Dialect, rows, same

__all__ = [
    "DETECTRON2_RESNET",
    "MMPRETRAIN_DEEP_STEM_RESNET",
    "POOLED_SHORTCUT_RESNET",
    "RESNET",
    "SEQUENTIAL_RESNET",
    "TIMM_DEEP_STEM_RESNET",
    "TIMM_POOLED_SHORTCUT_RESNET",
]

_RESNET_HEADS = (
    *("fc.*", "head.*", "predictor.*", "projector.*"),
    *("projection_head.*", "prototypes.*"),  # SwAV
)
_RESNET_STAGES = same(*(f"layer{i}.*" for i in range(1, 5)))
# A shortcut with average pooling counts its pool in stage 1, too, where it does not stride;
# MMPretrain builds no pool there, and that is the canonical way.
_POOLED_STAGES = (
    rows(
        ("layer1.0.downsample.1.weight", "layer1.0.downsample.0.weight"),
        ("layer1.0.downsample.2.*", "layer1.0.downsample.1.*"),
    )
    + _RESNET_STAGES
)
_POOLED_SHORTCUT = "layer1.0.downsample.2.weight"
_PLAIN_STEM = same("conv1.weight", "bn1.*")
_TIMM_DEEP_STEM = rows(
    *((f"conv1.{i}.*", f"stem.{i}.*") for i in range(7)),
    ("bn1.*", "stem.7.*"),
)

RESNET = Dialect(
    "ResNet of torchvision, timm, MMPretrain, MMDetection and MMSegmentation",
    "resnet",
    marks=("layer1.0.conv1.weight",),
    rows=_PLAIN_STEM + same("stem.*") + _RESNET_STAGES,
    heads=_RESNET_HEADS,
)

POOLED_SHORTCUT_RESNET = Dialect(
    "ResNet-50 and deeper with avg_down of MMDetection and MMSegmentation (V1d)",
    "resnet",
    marks=("layer1.0.conv1.weight", _POOLED_SHORTCUT),
    rows=_PLAIN_STEM + same("stem.*") + _POOLED_STAGES,
    heads=_RESNET_HEADS,
)

MMPRETRAIN_DEEP_STEM_RESNET = Dialect(
    "MMPretrain ResNet with a deep stem (V1c, V1d)",
    "resnet",
    marks=("layer1.0.conv1.weight", "stem.0.conv.weight"),
    rows=rows(
        *((f"stem.{i}.conv.*", f"stem.{3 * i}.*") for i in range(3)),
        *((f"stem.{i}.bn.*", f"stem.{3 * i + 1}.*") for i in range(3)),
    )
    + _RESNET_STAGES,
    heads=_RESNET_HEADS,
)

TIMM_DEEP_STEM_RESNET = Dialect(
    "timm ResNet with a deep stem",
    "resnet",
    marks=("layer1.0.conv1.weight", "conv1.0.weight", "conv1.6.weight"),
    rows=_TIMM_DEEP_STEM + _RESNET_STAGES,
    heads=_RESNET_HEADS,
)

TIMM_POOLED_SHORTCUT_RESNET = Dialect(
    "timm ResNet-50d and deeper",
    "resnet",
    marks=(*TIMM_DEEP_STEM_RESNET.marks, _POOLED_SHORTCUT),
    rows=_TIMM_DEEP_STEM + _POOLED_STAGES,
    heads=_RESNET_HEADS,
)

SEQUENTIAL_RESNET = Dialect(
    "torchvision ResNet cut into a sequence",
    "resnet",
    marks=("0.weight", "1.running_mean", "4.0.conv1.weight"),
    rows=rows(
        ("0.weight", "conv1.weight"),
        ("1.*", "bn1.*"),
        *((f"{i + 3}.*", f"layer{i}.*") for i in range(1, 5)),
    ),
    heads=_RESNET_HEADS,
)

DETECTRON2_RESNET = Dialect(
    "Detectron2 ResNet",
    "resnet",
    marks=("stem.conv1.weight", "res2.0.conv1.norm.weight"),
    rows=rows(
        ("stem.conv1.norm.*", "bn1.*"),
        ("stem.conv1.weight", "conv1.weight"),
        *(
            (f"res{i + 1}.{{j}}.{own}", f"layer{i}.{{j}}.{canonical}")
            for i in range(1, 5)
            for own, canonical in (
                *((f"conv{n}.norm.*", f"bn{n}.*") for n in (1, 2, 3)),
                *((f"conv{n}.weight", f"conv{n}.weight") for n in (1, 2, 3)),
                ("shortcut.norm.*", "downsample.1.*"),
                ("shortcut.weight", "downsample.0.weight"),
            )
        ),
    ),
    heads=_RESNET_HEADS,
)
