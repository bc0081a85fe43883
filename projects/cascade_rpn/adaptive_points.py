"""Sampling points of adaptive convolution: k x k points spread evenly over each box.

Source: Vu et al., Cascade RPN (2019), adaptive convolution. The taps of a 3 x 3 kernel are the
centre of the box, its corners and the midpoints of its edges. A plain convolution is the case of a
box of ``k - 1`` strides, centred on its cell; a convolution of dilation d that of ``d (k - 1)``.

The points of a box form a grid, so k rows and k columns define them: 2k numbers instead of the
2 k k of an offset field.

Legend::

    N, H, W   images, height and width of the level in cells
    A         boxes at each cell (anchors)
    L         boxes of a level, H * W * A, cells row by row, boxes of a cell adjacent
    k         size of the kernel
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class GridPoints(NamedTuple):
    """The points of each box, ``(y[i], x[j])`` for kernel row i and kernel column j."""

    y: Tensor  # [N, L, k] in cells of the level; the centre of cell i is at i
    x: Tensor  # [N, L, k]


def adaptive_points(
    boxes: Tensor,
    *,
    stride: float | Sequence[float],
    kernel_size: int = 3,
    dilation: float = 1.0,
    center_offset: float = 0.0,
) -> GridPoints:
    """Return the points of a kernel that is spread over each box.

    Args:
        boxes: [N, L, 4] or [N, A * 4, H, W], ``(x1, y1, x2, y2)`` in pixels of the input. They are
            detached. float64 boxes have float64 points, others float32.
        stride: distance of adjacent cells in pixels, one number or ``(x, y)`` as in MMDetection.
        kernel_size: k, odd.
        dilation: scales the grid about the centre of the box; with 1 the outermost taps are on the
            edges of the box.
        center_offset: of the anchor generator, in strides: the centre of cell i is at
            ``(i + center_offset) * stride``.

    Raises:
        ValueError: the shape of the boxes is wrong, k is even, or the stride is not one or two
            positive numbers.
    """
    if kernel_size % 2 == 0 or kernel_size < 1:
        raise ValueError(f"kernel_size must be odd, found {kernel_size}")
    of_axes = (stride, stride) if isinstance(stride, (float, int)) else tuple(stride)
    if len(of_axes) != 2 or min(of_axes) <= 0:
        raise ValueError(f"stride must be a positive number or a pair (x, y), found {stride}")
    if boxes.ndim == 4 and boxes.shape[1] > 0 and boxes.shape[1] % 4 == 0:
        boxes = boxes.permute(0, 2, 3, 1).reshape(boxes.shape[0], -1, 4)
    if boxes.ndim != 3 or boxes.shape[2] != 4:
        raise ValueError(f"boxes must be [N, L, 4] or [N, A * 4, H, W], found {[*boxes.shape]}")
    boxes = boxes.detach()  # [N, L, 4]
    boxes = boxes.to(torch.promote_types(boxes.dtype, torch.float32))
    low, high = boxes[..., :2], boxes[..., 2:]
    strides = boxes.new_tensor(of_axes)
    center = (low + high) / (2 * strides) - center_offset  # [N, L, 2]
    reach = (high - low) / (2 * strides) * dilation  # [N, L, 2]
    share = torch.linspace(-1, 1, kernel_size, dtype=boxes.dtype, device=boxes.device)  # [k]
    if kernel_size == 1:
        share = torch.zeros_like(share)
    x, y = (center.unsqueeze(-1) + reach.unsqueeze(-1) * share).unbind(2)  # [N, L, k]
    return GridPoints(y, x)
