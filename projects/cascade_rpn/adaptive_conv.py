"""Adaptive convolution as a module: each cell samples the map inside its own box.

Source: Vu et al., Cascade RPN (2019), adaptive convolution. The sampling points are defined in
:mod:`~projects.cascade_rpn.adaptive_points`, the computation in
:mod:`~projects.cascade_rpn.sampled_conv`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmdense.registry import MODELS
from projects.cascade_rpn.adaptive_points import adaptive_points
from projects.cascade_rpn.pyramid_conv import pyramid_conv

__all__ = ["AdaptiveConv2d"]


@MODELS.register_module()
class AdaptiveConv2d(nn.Module):
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
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, found {kernel_size}")
        if out_channels % groups or in_channels % math.lcm(groups, deform_groups):
            raise ValueError(
                f"in_channels={in_channels} and out_channels={out_channels} cannot be divided into "
                f"groups={groups} and deform_groups={deform_groups}"
            )
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.groups = groups
        self.deform_groups = deform_groups
        self.center_offset = center_offset
        self.max_mib = max_mib
        shape = (out_channels, in_channels // groups, kernel_size, kernel_size)
        self.weight = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise the weights as in ``Conv2d``."""
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.weight[0].numel())
            nn.init.uniform_(self.bias, -bound, bound)

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

        Raises:
            ValueError: the number of boxes is not that of cells and groups.
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
                kernel_size=self.kernel_size,
                dilation=self.dilation,
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
            maps,
            points,
            self.weight,
            self.bias,
            groups=self.groups,
            max_mib=self.max_mib,
        )

    def extra_repr(self) -> str:
        """Return the arguments, for printing."""
        D, channels, k, _ = self.weight.shape
        return (
            f"{channels * self.groups}, {D}, kernel_size={k}, dilation={self.dilation}, "
            f"groups={self.groups}, deform_groups={self.deform_groups}, "
            f"bias={self.bias is not None}"
        )
