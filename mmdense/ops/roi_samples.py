"""Where RoIAlign puts its samples: from RoIs in input pixels to sample coordinates on a map.

Source: He et al., Mask R-CNN (2017), section 3. Sampling and borders follow the implementation that
Detectron2, mmcv and torchvision share:

* A RoI ``(x1, y1, x2, y2)`` is scaled to the map; with ``aligned=True`` half a pixel is taken off,
  so that pixel centres lie at integers. With ``aligned=False`` nothing is taken off, and a RoI is
  made at least one pixel wide and high.
* Each bin holds ``sampling_ratio ** 2`` evenly spread samples; with ``sampling_ratio=0`` as many as
  the bin has pixels along each axis, rounded up.
* A sample with a coordinate below -1 or above the map's size reads zero. Any other is clamped into
  the map first. This differs from plain zero padding, which fades out over that last pixel.
* A RoI that is inverted or empty (with ``aligned=True``), or has NaN or infinite corners, has no
  samples.

Legend::

    R       RoIs
    bins    bins of a RoI along one axis
    S       samples of a bin along one axis, the most of any RoI, at least one
    size    pixels of the map along one axis
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Sampling(NamedTuple):
    """What a RoI layer fixes.

    Attributes:
        output_size: rows and columns of bins in a RoI, (P, Q).
        spatial_scale: map pixels per input pixel.
        ratio: samples of a bin along each axis; 0 adapts them to the RoI.
        aligned: take off half a pixel.
    """

    output_size: tuple[int, int]
    spatial_scale: float
    ratio: int
    aligned: bool


class Axis(NamedTuple):
    """The bins of all RoIs along one axis, in map pixels.

    Attributes:
        start: [R] edge of the first bin.
        bin_size: [R].
        samples: [R] samples of a bin, a whole number in floating point.
        bins: number of bins.
        size: pixels of the map.
        adaptive: the number of samples follows the bin size.
    """

    start: Tensor
    bin_size: Tensor
    samples: Tensor
    bins: int
    size: int
    adaptive: bool


def lay_bins(rois: Tensor, shape: tuple[int, ...], sampling: Sampling) -> tuple[Tensor, Axis, Axis]:
    """Lay the bins of RoIs on a map.

    Args:
        rois: [R, 5], ``(image, x1, y1, x2, y2)`` in input pixels.
        shape: (N, C, H, W) of the maps.
        sampling: what the RoI layer fixes.

    Returns:
        The image of each RoI, [R] int64, and the vertical and horizontal bins.

    Raises:
        ValueError: ``rois`` is not [R, 5], or names an image outside the batch.
    """
    if rois.ndim != 2 or rois.shape[1] != 5:
        raise ValueError(f"rois must be [R, 5] (image, x1, y1, x2, y2), not {[*rois.shape]}")
    rois = rois.detach().to(torch.promote_types(rois.dtype, torch.float32))
    image = rois[:, 0].long()
    if image.numel() and not 0 <= int(image.min()) <= int(image.max()) < shape[0]:
        raise ValueError(
            f"rois name images {int(image.min())} to {int(image.max())} in a batch of {shape[0]}"
        )
    corners = rois[:, 1:] * sampling.spatial_scale - (0.5 if sampling.aligned else 0.0)
    lengths = corners[:, 2:] - corners[:, :2]  # [R, 2]
    if not sampling.aligned:
        lengths = lengths.clamp(min=1)
    sound = torch.isfinite(rois).all(1) & torch.isfinite(lengths).all(1) & (lengths >= 0).all(1)
    axes = []
    for axis, bins, size in zip((1, 0), sampling.output_size, shape[2:]):
        bin_size = lengths[:, axis] / bins
        samples = torch.full_like(bin_size, sampling.ratio) if sampling.ratio > 0 else bin_size
        start, bin_size, samples = (
            torch.where(sound, value, 0) for value in (corners[:, axis], bin_size, samples.ceil())
        )
        axes.append(Axis(start, bin_size, samples, bins, size, sampling.ratio <= 0))
    return image, axes[0], axes[1]


def sample_positions(axis: Axis) -> tuple[Tensor, Tensor, Tensor]:
    """Coordinates of the samples of each bin along one axis.

    An adaptive RoI far larger than the map has samples without end outside it. They lie at least
    half a pixel apart (a bin of b > 1 pixels has fewer than b + 1), so those from the last ones
    before the map to ``2 * size`` later tell all.

    Returns:
        The coordinates clamped into the map, which of them are samples of their RoI, and which of
        these read the map and not zero; all [R, bins, S].
    """
    reach = 2 * axis.size + 8
    most = max(int(axis.samples.max()), 1)
    shown = min(most, reach) if axis.adaptive else most
    count = torch.arange(max(shown, axis.bins), dtype=axis.start.dtype, device=axis.start.device)
    corner = axis.start[:, None] + count[: axis.bins] * axis.bin_size[:, None]  # [R, bins]
    corner = corner[..., None]  # [R, bins, 1]
    samples = axis.samples[:, None, None]
    step = (axis.bin_size / axis.samples.clamp(min=1))[:, None, None]
    index = count[:shown].expand(*corner.shape[:2], -1)  # [R, bins, S]
    if shown < most:
        index = index + ((-1 - corner) / step - 2).floor().nan_to_num(0).clamp(min=0)
    position = corner + (index + 0.5) * step  # [R, bins, S]
    exists = index < samples
    reads = exists & (position >= -1) & (position <= axis.size)
    return position.clamp(0, axis.size - 1), exists, reads


def chunks(cost: Tensor, limit: int) -> list[tuple[int, int]]:
    """Split items into runs of neighbours that cost about ``limit``, at least one item each.

    Args:
        cost: [R] of each item.
        limit: what a run may cost.

    Returns:
        (first, last exclusive) of each run, in order.
    """
    if cost.numel() == 0:
        return []
    run = cost.double().cumsum(0) // limit
    ends = run.unique_consecutive(return_counts=True)[1].cumsum(0).tolist()
    return list(zip([0, *ends[:-1]], ends))
