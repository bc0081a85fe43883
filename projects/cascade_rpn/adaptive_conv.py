"""Adaptive convolution as a module: each cell samples the map inside its own box.

Source: Vu et al., Cascade RPN (2019), adaptive convolution. The sampling points are defined in
:mod:`~projects.cascade_rpn.adaptive_points`, the computation in
:mod:`~projects.cascade_rpn.sampled_conv`.
"""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from mmdense.registry import MODELS
from projects.cascade_rpn.adaptive_points import adaptive_points
from projects.cascade_rpn.pyramid_conv import pyramid_conv

__all__ = ["AdaptiveConv2d"]


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
