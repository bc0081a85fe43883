"""Convolutions of a stage: plain, dilated, deformable with learned offsets, or adaptive to boxes.

All have the same arguments ``(maps, boxes, strides)`` for all levels.

Legend::

    N, C, H, W   images, channels, height and width of a level
    K            taps of the kernel, 9
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from projects.cascade_rpn.adaptive_conv import AdaptiveConv2d
from projects.cascade_rpn.pyramid_conv import FreePoints, pyramid_conv

_ACCEPTED = {  # settings of each kind
    "none": set(),
    "dilated": {"dilation"},
    "learned": {"max_mib"},
    "adaptive": {"kernel_size", "dilation", "groups", "bias", "max_mib"},
}


def build_adaptation(
    adapt: dict[str, Any],
    *,
    in_channels: int,
    out_channels: int,
    deform_groups: int,
    center_offset: float,
) -> nn.Module:
    """Return the convolution of a stage.

    Args:
        adapt: ``kind`` and further arguments. ``'none'`` is a plain 3 x 3 convolution,
            ``'dilated'`` has a ``dilation`` (3 in the paper), ``'learned'`` is a deformable
            convolution (Iterative RPN+ in the paper), ``'adaptive'`` is adaptive convolution.
        in_channels: of the maps.
        out_channels: of the features.
        deform_groups: boxes at each cell.
        center_offset: of the anchor generator.

    Raises:
        ValueError: the kind or an argument is unknown, or the kind supports one box at a cell and
            there are several.
    """
    options = dict(adapt)
    kind = options.pop("kind", None)
    if kind not in _ACCEPTED:
        raise ValueError(f"adapt.kind must be one of {sorted(_ACCEPTED)}, found {kind!r}")
    if unknown := set(options) - _ACCEPTED[kind]:
        raise ValueError(
            f"adapt.kind={kind!r} accepts {sorted(_ACCEPTED[kind])}, found {sorted(unknown)}"
        )
    if kind == "adaptive":
        options |= {"deform_groups": deform_groups, "center_offset": center_offset}
        return AdaptiveConv2d(in_channels, out_channels, **options)
    if kind in ("none", "dilated"):
        dilation = options.get("dilation", 1)
        return LevelConv2d(in_channels, out_channels, 3, padding=dilation, dilation=dilation)
    if deform_groups > 1:
        raise ValueError(
            f"adapt.kind='learned' supports one box at a cell, found {deform_groups}. Use "
            "'adaptive', or one scale and one ratio in anchor_generator"
        )
    return LearnedConv2d(in_channels, out_channels, **options)


class LevelConv2d(nn.Conv2d):
    """A plain convolution of each level; the boxes are ignored."""

    def forward(self, maps: Sequence[Tensor], *_: Any) -> list[Tensor]:
        """Return the convolution of every level."""
        return [super(LevelConv2d, self).forward(level) for level in maps]


class LearnedConv2d(nn.Conv2d):
    """Deformable convolution with offsets that are predicted from the map, not from the boxes.

    Source: Dai et al., Deformable Convolutional Networks (2017), section 2.1. The weight has the
    name and shape of a plain convolution; the offsets are initialised with zeros.
    """

    def __init__(self, in_channels: int, out_channels: int, *, max_mib: float | None = 128):
        super().__init__(in_channels, out_channels, 3, bias=False)
        self.max_mib = max_mib
        self.offset = nn.Conv2d(in_channels, 18, 3, padding=1)
        nn.init.zeros_(self.offset.weight)
        nn.init.zeros_(self.offset.bias)

    def forward(self, maps: Sequence[Tensor], *_: Any) -> list[Tensor]:
        """Return the convolution of every level at its predicted offsets."""
        points = [_offset_points(self.offset(level).float()) for level in maps]
        return pyramid_conv(maps, points, self.weight, max_mib=self.max_mib)


def _offset_points(offset: Tensor) -> FreePoints:
    """Points of a 3 x 3 kernel moved by offsets [N, K * 2, H, W], (y, x) for each tap."""
    N, _, H, W = offset.shape
    dy, dx = offset.view(N, 9, 2, H * W).permute(2, 0, 3, 1)  # [N, H * W, K]
    row, column, i, j = (
        torch.arange(size, device=offset.device, dtype=offset.dtype) for size in (H, W, 3, 3)
    )
    y = row.view(H, 1, 1, 1) + i.view(3, 1) - 1
    x = column.view(W, 1, 1) + j - 1
    grid = torch.zeros(H, W, 3, 3, device=offset.device, dtype=offset.dtype)
    return FreePoints(
        dy + (grid + y).view(1, H * W, 9),
        dx + (grid + x).view(1, H * W, 9),
    )
