"""Convolutions of a stage: plain, dilated, deformable with learned offsets, or adaptive to boxes.

Source: Vu et al., Cascade RPN (2019), adaptive convolution. The sampling points are defined in
:mod:`~projects.cascade_rpn.adaptive_points`, the computation in
:mod:`~projects.cascade_rpn.sampled_conv`. All convolutions take ``(maps, boxes, strides)`` of all
levels.

Legend::

    N, C, H, W   images, channels, height and width of a level
    K            taps of the kernel, 9
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmdense.registry import MODELS
from projects.cascade_rpn.adaptive_points import adaptive_points
from projects.cascade_rpn.pyramid_conv import FreePoints, pyramid_conv

__all__ = ["AdaptiveConv2d", "LevelConv2d", "build_adaptation"]


@MODELS.register_module()
class AdaptiveConv2d(nn.Conv2d):
    """A k x k convolution with taps spread over the box of each cell, for all levels in one call.

    For a box of ``k - 1`` strides, centred on its cell, it is a plain convolution with zero
    padding. Coordinates are float32 for any dtype of the features. Boxes get no gradient.

    Args:
        in_channels: C.
        out_channels: D.
        kernel_size: k, odd.
        dilation: scales the grid of taps about the centre of the box.
        groups: of the convolution.
        deform_groups: number of boxes at each cell; group a, of C / deform_groups channels, is
            sampled at the taps of box a.
        bias: whether to learn a bias; the published model has none.
        center_offset: of the anchor generator, in strides.
        max_mib: limit on the temporary memory in MiB, see
            :func:`~projects.cascade_rpn.sampled_conv.sampled_conv`; ``None`` for no limit. The
            default costs no measurable time; a limit below 64 is slower.

    Raises:
        ValueError: the kernel size is even, or the channels cannot be divided into the groups.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        *,
        dilation: float = 1.0,
        groups: int = 1,
        deform_groups: int = 1,
        bias: bool = False,
        center_offset: float = 0.0,
        max_mib: float | None = 128,
    ) -> None:
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, found {kernel_size}")
        if out_channels % groups or in_channels % math.lcm(groups, deform_groups):
            raise ValueError(
                f"in_channels={in_channels} and out_channels={out_channels} cannot be divided into "
                f"groups={groups} and deform_groups={deform_groups}"
            )
        super().__init__(in_channels, out_channels, kernel_size, groups=groups, bias=bias)
        self.dilation = (dilation, dilation)
        self.deform_groups = deform_groups
        self.center_offset = center_offset
        self.max_mib = max_mib

    def forward(
        self,
        maps: Sequence[Tensor],
        boxes: Sequence[Tensor],
        strides: Sequence[tuple[float, float]],
    ) -> list[Tensor]:
        """Return the convolution of every level.

        Args:
            maps: [N, C, H, W] for each level.
            boxes: [N, H * W * A, 4] or [N, A * 4, H, W] for each level, in pixels of the input,
                with A = ``deform_groups``.
            strides: (x, y) pixels from one cell to the next, for each level.

        Returns:
            [N, D, H, W] for each level.

        """
        if not len(maps) == len(boxes) == len(strides):
            raise ValueError(
                f"maps, boxes and strides must have one entry for each level, found {len(maps)}, "
                f"{len(boxes)} and {len(strides)}"
            )
        points = [
            adaptive_points(
                of_level,
                stride=stride,
                kernel_size=self.kernel_size[0],
                dilation=self.dilation[0],
                center_offset=self.center_offset,
            )
            for of_level, stride in zip(boxes, strides, strict=True)
        ]
        for level, grid in zip(maps, points, strict=True):
            if grid.y.shape[1] != level.shape[2] * level.shape[3] * self.deform_groups:
                raise ValueError(
                    f"a map of {level.shape[2]} x {level.shape[3]} cells needs "
                    f"deform_groups={self.deform_groups} boxes at each cell, found "
                    f"{grid.y.shape[1]} boxes in total"
                )
        return pyramid_conv(
            maps, points, self.weight, self.bias, groups=self.groups, max_mib=self.max_mib
        )

    def extra_repr(self) -> str:
        """Return the arguments, for printing."""
        return f"{super().extra_repr()}, deform_groups={self.deform_groups}"


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
