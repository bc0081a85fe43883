"""Names of ResNets; torchvision's are the canonical ones."""

from mmdense.transfer.dialect import Dialect, rows, same

__all__ = ["DETECTRON2_RESNET", "RESNET", "SEQUENTIAL_RESNET", "TIMM_DEEP_STEM_RESNET"]

_RESNET_HEADS = (
    *("fc.*", "head.*", "predictor.*", "projector.*"),
    *("projection_head.*", "prototypes.*"),  # SwAV
)
_RESNET_STAGES = same(*(f"layer{i}.*" for i in range(1, 5)))

RESNET = Dialect(
    "ResNet of torchvision, timm, MMPretrain, MMDetection and MMSegmentation",
    "resnet",
    marks=("layer1.0.conv1.weight",),
    rows=same("conv1.weight", "bn1.*", "stem.*") + _RESNET_STAGES,
    heads=_RESNET_HEADS,
)

TIMM_DEEP_STEM_RESNET = Dialect(
    "timm ResNet with a deep stem",
    "resnet",
    marks=("layer1.0.conv1.weight", "conv1.0.weight", "conv1.6.weight"),
    rows=rows(
        *((f"conv1.{i}.*", f"stem.{i}.*") for i in range(7)),
        ("bn1.*", "stem.7.*"),
    )
    + _RESNET_STAGES,
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
