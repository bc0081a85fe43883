"""Max RoIAlign: pool a fixed grid of bins from each region of interest by the largest sample.

:mod:`mmdense.ops.roi_samples` defines the positions of the samples and the values at the border;
:mod:`mmdense.ops.roi_align` has average pooling. RoIs get no gradient, as in mmcv.

Legend::

    N, C, H, W   images, channels, height and width of the maps
    R            RoIs
    P, Q         rows and columns of bins in a RoI
    Sy, Sx       samples of a bin along each axis
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmdense.ops.bilinear import bilinear_plan, flatten_maps, weighted_gather
from mmdense.ops.roi_samples import Axis, Sampling, chunks, lay_bins, sample_positions

_MAX_SAMPLED = 2**25  # values sampled at a time, to limit the memory


def roi_align_max(
    maps: Tensor,
    rois: Tensor,
    output_size: tuple[int, int],
    *,
    spatial_scale: float = 1.0,
    sampling_ratio: int = 0,
    aligned: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the largest sample of each bin, separately for each channel.

    Args:
        maps: [N, C, H, W].
        rois: [R, 5], ``(image, x1, y1, x2, y2)`` in input pixels.
        output_size: (P, Q).
        spatial_scale: map pixels per input pixel.
        sampling_ratio: samples of a bin along each axis; 0 depends on the size of the RoI.
        aligned: shift by half a pixel, so that pixel centres have integer coordinates.

    Returns:
        The pooled features, and the row and column of the largest sample, clamped to the map; all
        [R, C, P, Q]. If a RoI has no samples, or the largest sample of a bin is outside the map,
        the feature is zero and the position is (-1, -1). mmcv has -10000 for a RoI without samples.

    Raises:
        ValueError: ``rois`` is not [R, 5], or has an image index outside the batch.
    """
    P, Q = output_size
    C = maps.shape[1]
    table = flatten_maps(maps)
    sampling = Sampling(output_size, spatial_scale, sampling_ratio, aligned)
    image, vertical, horizontal = lay_bins(rois, maps.shape, sampling)
    cost = P * Q * C * vertical.samples.clamp(min=1) * horizontal.samples.clamp(min=1)  # [R]
    parts = [
        _largest_samples(
            table,
            image[first:last],
            _part(vertical, first, last),
            _part(horizontal, first, last),
        )
        for first, last in chunks(cost, _MAX_SAMPLED)
    ]
    if not parts:
        nothing = maps.new_zeros(0, C, P, Q)
        return nothing, nothing, nothing
    pooled, y, x = (torch.cat(part).permute(0, 3, 1, 2) for part in zip(*parts))
    return pooled, y.to(maps.dtype), x.to(maps.dtype)


def roi_align_max_backward(
    grad: Tensor, rois: Tensor, y: Tensor, x: Tensor, shape: tuple[int, ...]
) -> Tensor:
    """Return the gradient of :func:`roi_align_max` with respect to the maps.

    Args:
        grad: [R, C, P, Q], gradient of the pooled features.
        rois: [R, 5]; only the image index is used.
        y: [R, C, P, Q], row of each sample, from :func:`roi_align_max`.
        x: [R, C, P, Q], column of each sample.
        shape: (N, C, H, W) of the maps.

    Returns:
        [N, C, H, W], channels last in memory.
    """
    N, C, H, W = shape
    wide = torch.promote_types(grad.dtype, torch.float32)
    image = rois[:, 0].long().view(-1, 1, 1, 1)
    rows, weights = bilinear_plan(y.to(wide), x.to(wide), height=H, width=W, image=image)
    place = rows * C + torch.arange(C, device=grad.device).view(1, C, 1, 1, 1)
    share = weights * grad.to(wide)[..., None]  # [R, C, P, Q, 4]
    table = grad.new_zeros(N * H * W * C, dtype=wide)
    table.index_add_(0, place.flatten(), share.flatten())
    return table.to(grad.dtype).view(N, H, W, C).permute(0, 3, 1, 2)


def _part(axis: Axis, first: int, last: int) -> Axis:
    return axis._replace(
        start=axis.start[first:last],
        bin_size=axis.bin_size[first:last],
        samples=axis.samples[first:last],
    )


def _largest_samples(
    table: Tensor, image: Tensor, vertical: Axis, horizontal: Axis
) -> tuple[Tensor, Tensor, Tensor]:
    """Largest sample of each bin and its row and column, all [R, P, Q, C]."""
    vertical_samples, horizontal_samples = sample_positions(vertical), sample_positions(horizontal)
    R, P, Sy = vertical_samples[0].shape
    _, Q, Sx = horizontal_samples[0].shape
    grid = (R, P, Q, Sy, Sx)
    y, y_exists, y_reads = (t[:, :, None, :, None].expand(grid) for t in vertical_samples)
    x, x_exists, x_reads = (t[:, None, :, None, :].expand(grid) for t in horizontal_samples)
    exists, reads = (y_exists & x_exists).flatten(3), (y_reads & x_reads).flatten(3)
    rows, weights = bilinear_plan(
        y, x, height=vertical.size, width=horizontal.size, image=image.view(R, 1, 1, 1, 1)
    )  # [R, P, Q, Sy, Sx, 4]
    weights = weights * reads.view(*grid, 1)
    value = weighted_gather(table, rows.view(-1, 4), weights.view(-1, 4))
    value = value.view(R, P, Q, Sy * Sx, -1)  # [R, P, Q, Sy * Sx, C]
    value = value.masked_fill(~exists[..., None], float("-inf"))
    pooled, taken = value.max(3)  # [R, P, Q, C]
    read = reads.gather(3, taken)
    pooled = pooled.masked_fill(~exists.any(3, keepdim=True), 0)
    row, column = (t.flatten(3).gather(3, taken).masked_fill(~read, -1) for t in (y, x))
    return pooled, row, column
