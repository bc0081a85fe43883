"""RoIAlign: pool a fixed grid of bins from each region of interest, by mean or by maximum.

Source: He et al., Mask R-CNN (2017), section 3. :mod:`mmdense.ops.roi_samples` defines the
positions of the samples and the values at the border. RoIs get no gradient, as in mmcv.

The mean over the samples of a bin is separable. With row weights ``A[r, p, y]`` and column weights
``B[r, q, x]``, each the mean of the bilinear weights of a bin's samples along one axis,

    ``pooled[r, :, p, q] = sum_y sum_x A[r, p, y] * B[r, q, x] * map[:, y, x]``.

Neighbouring samples share rows and columns, so a bin reads fewer pixels than four for each sample:
nine instead of sixteen for 2x2 samples with a distance of one pixel.

Legend::

    N, C, H, W   images, channels, height and width of the maps
    R            RoIs
    P, Q         rows and columns of bins in a RoI
    Sy, Sx       samples of a bin along each axis
    T            total number of pixels read by all bins
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from mmdense.ops.bilinear import (
    bilinear_plan,
    flatten_maps,
    ragged_gather,
    ragged_scatter,
)
from mmdense.ops.roi_samples import Axis, Sampling, chunks, lay_bins, sample_positions

# Both limit the memory.
_MAX_TAPS = 2**21  # pixels read in one gather
_MAX_SAMPLED = 2**25  # values sampled at a time for the maximum


def roi_align(
    maps: Tensor,
    rois: Tensor,
    output_size: tuple[int, int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = 0,
    aligned: bool = True,
) -> Tensor:
    """Return the average of the samples of each bin; zero for a RoI without samples.

    Args:
        maps: [N, C, H, W].
        rois: [R, 5], ``(image, x1, y1, x2, y2)`` in input pixels.
        output_size: (P, Q).
        spatial_scale: map pixels per input pixel.
        sampling_ratio: samples of a bin along each axis; 0 depends on the size of the RoI.
        aligned: shift by half a pixel, so that pixel centres have integer coordinates.

    Returns:
        [R, C, P, Q], channels last in memory.

    Raises:
        ValueError: ``rois`` is not [R, 5], or has an image index outside the batch.
    """
    table = flatten_maps(maps)  # [N * H * W, C]
    sampling = Sampling(output_size, spatial_scale, sampling_ratio, aligned)
    bins = [ragged_gather(table, *plan) for _, plan in plan_bins(rois, maps.shape, sampling)]
    pooled = torch.cat(bins) if bins else table[:0]  # [R * P * Q, C]
    return pooled.view(rois.shape[0], *output_size, maps.shape[1]).permute(0, 3, 1, 2)


def roi_align_backward(
    grad: Tensor,
    rois: Tensor,
    shape: tuple[int, ...],
    spatial_scale: float = 1.0,
    sampling_ratio: int = 0,
    aligned: bool = True,
) -> Tensor:
    """Return the gradient of :func:`roi_align` with respect to maps of ``shape`` (N, C, H, W).

    ``grad`` is [R, C, P, Q]; the other arguments are those of the forward pass. The result is
    channels last in memory.
    """
    N, C, H, W = shape
    P, Q = grad.shape[2:]
    bags = flatten_maps(grad)  # [R * P * Q, C]
    wide = torch.promote_types(grad.dtype, torch.float32)
    table = grad.new_zeros(N * H * W, C, dtype=wide)
    sampling = Sampling((P, Q), spatial_scale, sampling_ratio, aligned)
    for bins, (rows, weights, offsets) in plan_bins(rois, shape, sampling):
        part = bags[bins].to(wide)
        table += ragged_scatter(part, rows, weights.to(wide), offsets, len(table))
    return table.to(grad.dtype).view(N, H, W, C).permute(0, 3, 1, 2)


def roi_align_max(
    maps: Tensor,
    rois: Tensor,
    output_size: tuple[int, int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = 0,
    aligned: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the largest sample of each bin, separately for each channel.

    Arguments and errors are those of :func:`roi_align`.

    Returns:
        The pooled features, and the row and column of the largest sample, clamped to the map; all
        [R, C, P, Q]. If a RoI has no samples, or the largest sample of a bin is outside the map,
        the feature is zero and the position is (-1, -1). mmcv has -10000 for a RoI without samples.
    """
    P, Q = output_size
    C = maps.shape[1]
    table = flatten_maps(maps)
    sampling = Sampling(output_size, spatial_scale, sampling_ratio, aligned)
    image, vertical, horizontal = lay_bins(rois, maps.shape, sampling)
    cost = P * Q * C * vertical.samples.clamp(min=1) * horizontal.samples.clamp(min=1)  # [R]
    parts = [
        _largest_samples(
            table, image[first:last], vertical.part(first, last), horizontal.part(first, last)
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
    """Return the gradient of :func:`roi_align_max` with respect to maps of ``shape`` (N, C, H, W).

    ``grad`` is [R, C, P, Q]; so are ``y`` and ``x``, the positions from the forward pass. Only the
    image index of ``rois`` [R, 5] is used. The result is channels last in memory.
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


def plan_bins(
    rois: Tensor, shape: tuple[int, ...], sampling: Sampling
) -> Iterator[tuple[slice, tuple[Tensor, Tensor, Tensor]]]:
    """Yield groups of bins, all bins in order, and the plan of each for :func:`ragged_gather`.

    A plan has a bag for each bin. The groups limit the memory. The arguments are those of
    :func:`~mmdense.ops.roi_samples.lay_bins`.
    """
    image, vertical, horizontal = lay_bins(rois, shape, sampling)
    if rois.shape[0] == 0:
        return
    A, B = _axis_weights(vertical), _axis_weights(horizontal)  # [R, P, H], [R, Q, W]
    taps = A.count_nonzero((1, 2)) * B.count_nonzero((1, 2))  # [R]
    for first, last in chunks(taps, _MAX_TAPS):
        bins = sampling.output_size[0] * sampling.output_size[1]
        plan = _outer_taps(A[first:last], B[first:last], image[first:last])
        yield slice(first * bins, last * bins), plan


def _axis_weights(axis: Axis) -> Tensor:
    """Weight of each pixel in the mean over each bin along one axis, [R, bins, size]."""
    position, _, reads = sample_positions(axis)  # [R, bins, S]
    low = position.floor()
    share = reads / axis.samples.clamp(min=1)[:, None, None]
    share_of_high = (position - low) * share
    low = low.long()
    weights = position.new_zeros(*position.shape[:2], axis.size)
    weights.scatter_add_(2, low, share - share_of_high)
    return weights.scatter_add_(2, (low + 1).clamp(max=axis.size - 1), share_of_high)


def _outer_taps(A: Tensor, B: Tensor, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Table rows, weights and offsets of all bins from axis weights [R, P, H] and [R, Q, W].

    Bin (r, p, q) reads the pixels (y, x) with nonzero A[r, p, y] and B[r, q, x]. They are listed in
    two steps, to have few operations on the long list: a *run* is the part of a bin on one row of
    the map, and a *tap* is one pixel of a run.
    """
    R, P, H = A.shape
    Q, W = B.shape[1:]
    y_count, y_first, y_bin, y, y_weight = _nonzero_by_bin(A)
    x_count, x_first, _, x, x_weight = _nonzero_by_bin(B)
    row_start = ((image[y_bin // P] * H + y) * W).int()
    vertical_bin = torch.arange(R * P, device=A.device).repeat_interleave(Q)  # [R * P * Q]
    horizontal_bin = torch.arange(R * Q, device=A.device).view(R, 1, Q).expand(R, P, Q).flatten()
    runs = y_count[vertical_bin]
    run_bin, run_y = _enumerate(runs, y_first[vertical_bin])
    run_x = horizontal_bin.index_select(0, run_bin)
    tap_run, tap_x = _enumerate(x_count.index_select(0, run_x), x_first.index_select(0, run_x))
    rows = row_start.index_select(0, run_y).index_select(0, tap_run)  # [T]
    rows += x.int().index_select(0, tap_x)
    weights = y_weight.index_select(0, run_y).index_select(0, tap_run)  # [T]
    weights *= x_weight.index_select(0, tap_x)
    ends = (runs * x_count[horizontal_bin]).cumsum(0, dtype=torch.int32)  # [R * P * Q]
    return rows, weights, torch.cat((ends.new_zeros(1), ends))


def _nonzero_by_bin(weights: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """List the nonzero axis weights [R, bins, size] in order of bins.

    For each bin the number of its pixels and the start of them in the list, both int32; for each
    listed pixel its bin, its position on the axis and its weight.
    """
    flat = weights.flatten(0, 1)  # [R * bins, size]
    bin_, pixel = flat.nonzero().unbind(1)
    count = flat.count_nonzero(1).int()
    first = count.cumsum(0, dtype=torch.int32) - count
    return count, first, bin_, pixel, flat[bin_, pixel]


def _enumerate(count: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
    """Group index and value of all numbers ``first, ..., first + count - 1`` of each group."""
    ends = count.cumsum(0, dtype=torch.int32)
    total = int(count.sum())
    group = torch.repeat_interleave(count, output_size=total)
    number = (first - ends + count).index_select(0, group)
    number += torch.arange(total, dtype=torch.int32, device=count.device)
    return group, number


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
    samples = torch.arange(0, rows.numel() + 1, 4, device=rows.device)
    value = ragged_gather(table, rows.view(-1), weights.view(-1), samples)
    value = value.view(R, P, Q, Sy * Sx, -1)  # [R, P, Q, Sy * Sx, C]
    value = value.masked_fill(~exists[..., None], float("-inf"))
    pooled, taken = value.max(3)  # [R, P, Q, C]
    read = reads.gather(3, taken)
    pooled = pooled.masked_fill(~exists.any(3, keepdim=True), 0)
    row, column = (t.flatten(3).gather(3, taken).masked_fill(~read, -1) for t in (y, x))
    return pooled, row, column
