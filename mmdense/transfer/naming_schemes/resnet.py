"""Keys of ResNets; torchvision's are the canonical ones."""

from mmdense.transfer.naming_schemes.scheme import KeyRule, NamingScheme, keep, rename

__all__ = ["SCHEMES"]

_CANONICAL = keep("conv1.weight", "bn1.*", "stem.*", *(f"layer{i}.*" for i in range(1, 5)))
_OTHER = ("fc.*", "head.*", "predictor.*", "projector.*", "projection_head.*", "prototypes.*")
# Shortcuts with average pooling: some networks count a pool in stage 1, too, which has no stride.
# MMPretrain builds none there, and its keys are the canonical ones.
_POOLED = rename(
    {
        "layer1.0.downsample.1.weight": "layer1.0.downsample.0.weight",
        "layer1.0.downsample.2.*": "layer1.0.downsample.1.*",
    }
)
_POOLED_SHORTCUT = "layer1.0.downsample.2.weight"
_TIMM_STEM = rename({f"conv1.{i}.*": f"stem.{i}.*" for i in range(7)} | {"bn1.*": "stem.7.*"})
_TIMM_SIGNATURE = ("layer1.0.conv1.weight", "conv1.0.weight", "conv1.6.weight")
_DETECTRON2_BLOCK = {
    **{f"conv{n}.norm.*": f"bn{n}.*" for n in (1, 2, 3)},
    **{f"conv{n}.weight": f"conv{n}.weight" for n in (1, 2, 3)},
    "shortcut.norm.*": "downsample.1.*",
    "shortcut.weight": "downsample.0.weight",
}


def _resnet(name: str, signature: tuple[str, ...], *renames: KeyRule) -> NamingScheme:
    return NamingScheme(name, "resnet", signature, (*renames, *_CANONICAL), _OTHER)


SCHEMES = (
    _resnet(
        "timm ResNet-50d and deeper", (*_TIMM_SIGNATURE, _POOLED_SHORTCUT), *_TIMM_STEM, *_POOLED
    ),
    _resnet("timm ResNet with a deep stem", _TIMM_SIGNATURE, *_TIMM_STEM),
    _resnet(
        "MMPretrain ResNet with a deep stem (V1c, V1d)",
        ("layer1.0.conv1.weight", "stem.0.conv.weight"),
        *rename({f"stem.{i}.conv.*": f"stem.{3 * i}.*" for i in range(3)}),
        *rename({f"stem.{i}.bn.*": f"stem.{3 * i + 1}.*" for i in range(3)}),
    ),
    _resnet(
        "ResNet-50 and deeper with avg_down of MMDetection and MMSegmentation (V1d)",
        ("layer1.0.conv1.weight", _POOLED_SHORTCUT),
        *_POOLED,
    ),
    _resnet(
        "ResNet of torchvision, timm, MMPretrain, MMDetection and MMSegmentation",
        ("layer1.0.conv1.weight",),
    ),
    _resnet(
        "torchvision ResNet as an nn.Sequential",
        ("0.weight", "1.running_mean", "4.0.conv1.weight"),
        *rename({"0.weight": "conv1.weight", "1.*": "bn1.*"}),
        *rename({f"{i + 3}.*": f"layer{i}.*" for i in range(1, 5)}),
    ),
    _resnet(
        "Detectron2 ResNet",
        ("stem.conv1.weight", "res2.0.conv1.norm.weight"),
        *rename({"stem.conv1.norm.*": "bn1.*", "stem.conv1.weight": "conv1.weight"}),
        *(
            rule
            for i in range(1, 5)
            for rule in rename(_DETECTRON2_BLOCK, f"res{i + 1}.{{j}}.", f"layer{i}.{{j}}.")
        ),
    ),
)
