"""One convolution for all levels of a pyramid, at given sampling points.

The levels share the kernel. So their pixels are joined to one table and their points to one plan,
for a single call of :func:`~projects.cascade_rpn.sampled_conv.sampled_conv`.

Legend::

    N, C, H, W   images, channels, height and width of a level
    D            output channels
    k, K         size of the kernel and its taps, k * k
    A            groups of points; C / A channels share the same points
    L            points of a level, H * W * A, cells row by row, groups of a cell adjacent
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmdense.ops.bilinear import BilinearPlan, bilinear_plan, flatten_maps, grid_plan
from projects.cascade_rpn.adaptive_points import GridPoints
from projects.cascade_rpn.sampled_conv import sampled_conv


class FreePoints(NamedTuple):
    """Independent points, ``(y[t], x[t])`` for tap t of the kernel."""

    y: Tensor  # [N, L, K] in cells of the level; the centre of cell i is at i
    x: Tensor  # [N, L, K]


def pyramid_conv(
    maps: Sequence[Tensor],
    points: Sequence[GridPoints] | Sequence[FreePoints],
    kernel: Tensor,
    bias: Tensor | None = None,
    *,
    groups: int = 1,
    max_mib: float | None = None,
) -> list[Tensor]:
    """Return the convolution of every level at its points.

    Args:
        maps: [N, C, H, W] for each level.
        points: of each level. Points outside the map read zero.
        kernel: [D, C / groups, k, k].
        bias: [D].
        groups: of the convolution; the groups of points are inferred from the number of points.
        max_mib: see :func:`~projects.cascade_rpn.sampled_conv.sampled_conv`.

    Returns:
        [N, D, H, W] for each level, channels last in memory, in the dtype of the maps, or that of
        autocast.

    """
    point_groups = _point_groups(maps, points)
    maps = [_autocast(level) for level in maps]
    kernel, bias = _autocast(kernel), None if bias is None else _autocast(bias)
    if torch.onnx.is_in_onnx_export():
        return [
            _grid_sample_conv(level, _free_points(of_level), kernel, bias, groups)
            for level, of_level in zip(maps, points, strict=True)
        ]
    shape = (-1, point_groups, kernel.shape[2] * kernel.shape[3], 4)
    pixels = [level.shape[0] * level.shape[2] * level.shape[3] for level in maps]
    kind = torch.int32 if sum(pixels) < 2**31 else torch.int64
    plans, first = [], 0
    for level, of_level, number in zip(maps, points, pixels, strict=True):
        image = torch.arange(level.shape[0], device=level.device, dtype=kind)
        rows, weights = _plan(of_level, level.shape, image, first)  # [N, L, K, 4]
        plans.append((rows.reshape(shape), weights.reshape(shape)))
        first += number
    rows, weights = (_cat(parts) for parts in zip(*plans))  # [cells, A, K, 4]
    table = _cat([flatten_maps(level) for level in maps])  # [cells, C]
    out = sampled_conv(
        table, kernel.flatten(2), rows, weights, groups=groups, max_mib=max_mib
    )  # [cells, D]
    if bias is not None:
        out = out + bias
    return [
        part.view(level.shape[0], *level.shape[2:], -1).permute(0, 3, 1, 2)
        for part, level in zip(out.split(pixels), maps, strict=True)
    ]


def _grid_sample_conv(
    maps: Tensor, points: FreePoints, kernel: Tensor, bias: Tensor | None, groups: int
) -> Tensor:
    """The same for one level with ``grid_sample``, a standard operator of ONNX.

    It needs a column buffer of K maps, and is only used for export.
    """
    N, C, H, W = maps.shape
    A = points.y.shape[1] // (H * W)
    size = points.y.new_tensor((W, H))
    grid = torch.stack((points.x, points.y), dim=-1)  # [N, L, K, 2]
    grid = (2 * grid + 1) / size - 1  # pixel edges at -1 and 1
    grid = grid.view(N, H * W, A, -1, 2).permute(0, 2, 3, 1, 4)  # [N, A, K, H * W, 2]
    K = grid.shape[2]
    columns = F.grid_sample(
        maps.reshape(N * A, C // A, H, W),
        grid.reshape(N * A, K, H * W, 2).to(maps.dtype),
        align_corners=False,
    )  # [N * A, C / A, K, H * W]
    columns = columns.reshape(N, C * K, H, W)
    return F.conv2d(columns, kernel.flatten(1)[..., None, None], bias, groups=groups)


def _free_points(points: GridPoints | FreePoints) -> FreePoints:
    """The points of a grid as independent points, row by row."""
    if isinstance(points, FreePoints):
        return points
    y, x = points
    k = y.shape[-1]
    y = y.unsqueeze(-1).expand(*y.shape, k).flatten(-2)  # [N, L, K]
    x = x.unsqueeze(-2).expand(*x.shape[:-1], k, k).flatten(-2)  # [N, L, K]
    return FreePoints(y, x)


def _plan(
    points: GridPoints | FreePoints, shape: torch.Size, image: Tensor, first: int
) -> BilinearPlan:
    """Plan of [N, L, K, 4] for a table in which the level starts at row ``first``."""
    H, W = shape[2:]
    if isinstance(points, GridPoints):
        plan = grid_plan(
            *points, height=H, width=W, image=image[:, None], first_row=first
        )  # [N, L, k, k, 4]
        return BilinearPlan(*(part.flatten(2, 3) for part in plan))
    return bilinear_plan(*points, height=H, width=W, image=image[:, None, None], first_row=first)


def _point_groups(
    maps: Sequence[Tensor], points: Sequence[GridPoints] | Sequence[FreePoints]
) -> int:
    """Groups of points A, the same on every level."""
    A = points[0].y.shape[1] // (maps[0].shape[2] * maps[0].shape[3])
    for index, (level, of_level) in enumerate(zip(maps, points, strict=True)):
        N, _, H, W = level.shape
        images, number = of_level.y.shape[:2]
        if images != N or A == 0 or number != H * W * A:
            raise ValueError(
                f"level {index} has {N} images of {H} x {W} cells, but its points are for {images} "
                f"images and {number} boxes; each cell of each level needs the same number of boxes"
            )
    return A


def _cat(parts: Sequence[Tensor]) -> Tensor:
    """Concatenate, without a copy of a single part."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _autocast(tensor: Tensor) -> Tensor:
    """Cast to the dtype of autocast, if it is enabled."""
    device = tensor.device.type
    if torch.is_autocast_enabled(device) and tensor.dtype != torch.float64:
        return tensor.to(torch.get_autocast_dtype(device))
    return tensor
