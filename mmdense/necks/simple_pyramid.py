"""A feature pyramid from the last map of a plain vision transformer.

Source: Li et al., Exploring Plain Vision Transformer Backbones for Object Detection,
arXiv:2203.16527, section 3, "Simple feature pyramid". Implemented from the paper. The map of stride
16 is the only input: transposed convolutions make the finer levels and pooling the coarser ones, in
parallel. Each level then has a 1 x 1 and a 3 x 3 convolution, both with a layer norm.

Legend::

    N, H, W   images, height and width of the map
    C, D      channels of the map and of the pyramid
"""

from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule, ModuleList
from torch import Tensor, nn

from mmdense.registry import MODELS

__all__ = ["SimpleFeaturePyramid"]

_LEVELS = 4  # strides 4, 8, 16 and 32 for patches of 16 pixels


@MODELS.register_module()
class SimpleFeaturePyramid(BaseModule):
    """Levels of 4, 2, 1 and 1/2 times the resolution of one map, and coarser ones by pooling.

    Args:
        in_channels: C, a multiple of 4.
        out_channels: D.
        num_outs: number of levels; each level after the fourth subsamples the one before by 2.
        init_cfg: of MMEngine.

    Raises:
        ValueError: fewer than four levels, or channels that cannot be halved twice.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 256,
        num_outs: int = 5,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if num_outs < _LEVELS:
            raise ValueError(f"num_outs={num_outs}: must be at least 4")
        if in_channels % 4:
            raise ValueError(f"in_channels={in_channels}: must be a multiple of 4")
        half, quarter = in_channels // 2, in_channels // 4
        self.levels = ModuleList(
            [
                nn.Sequential(
                    _double(in_channels, half), _MapNorm(half), nn.GELU(), _double(half, quarter)
                ),
                _double(in_channels, half),
                nn.Identity(),
                nn.MaxPool2d(2, 2, ceil_mode=True),  # keeps the border of an odd map
            ]
        )
        widths = (quarter, half, in_channels, in_channels)
        self.outputs = ModuleList([_output(width, out_channels) for width in widths])
        self.num_outs = num_outs

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return a pyramid of the last map.

        Args:
            inputs: [N, C, H, W] each; only the last is used.

        Returns:
            [N, D, 4 H, 4 W], [N, D, 2 H, 2 W], [N, D, H, W], [N, D, H / 2, W / 2] and coarser;
            halves are rounded up.
        """
        parts = zip(self.levels, self.outputs, strict=True)
        pyramid = [output(level(inputs[-1])) for level, output in parts]
        while len(pyramid) < self.num_outs:
            pyramid.append(F.max_pool2d(pyramid[-1], 1, stride=2))  # [N, D, H / 4, W / 4] ...
        return tuple(pyramid)


class _MapNorm(nn.LayerNorm):
    """Layer norm over the channels at each cell of a map."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        rows = super().forward(x.permute(0, 2, 3, 1))  # [N, H, W, C]
        return rows.permute(0, 3, 1, 2)  # [N, C, H, W]


def _double(channels: int, out_channels: int) -> nn.ConvTranspose2d:
    """Twice the height and the width, by a transposed convolution whose windows do not overlap."""
    return nn.ConvTranspose2d(channels, out_channels, 2, stride=2)


def _output(channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out_channels, 1, bias=False),
        _MapNorm(out_channels),
        nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
        _MapNorm(out_channels),
    )
