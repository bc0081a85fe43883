"""Sample positions of RoIAlign: from RoIs in input pixels to coordinates on a map.

Source: He et al., Mask R-CNN (2017), section 3. Sampling and borders are as in Detectron2, mmcv and
torchvision:

* A RoI ``(x1, y1, x2, y2)`` is scaled to the map. With ``aligned=True`` it is shifted by half a
  pixel, so that pixel centres have integer coordinates. With ``aligned=False`` it is not shifted,
  and is at least one pixel wide and high.
* Each bin has ``sampling_ratio ** 2`` evenly spaced samples. With ``sampling_ratio=0`` it has,
  along each axis, as many samples as pixels, rounded up.
* A sample with a coordinate below -1 or above the size of the map reads zero. Other samples are
  clamped to the map. This differs from zero padding, which interpolates over the last pixel.
* A RoI with negative size (``aligned=True``), or with NaN or infinite corners, has no samples.

Legend::

    R       RoIs
    bins    bins of a RoI along one axis
    S       maximum number of samples of a bin along one axis, at least one
    size    pixels of the map along one axis
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Sampling(NamedTuple):
    """Settings of a RoI layer."""

    output_size: tuple[int, int]  # rows and columns of bins in a RoI, (P, Q)
    spatial_scale: float  # map pixels per input pixel
    ratio: int  # samples of a bin along each axis; 0 depends on the size of the RoI
    aligned: bool  # shift by half a pixel


class Axis(NamedTuple):
    """The bins of all RoIs along one axis, in map pixels."""

    start: Tensor  # [R], edge of the first bin
    bin_size: Tensor  # [R]
    samples: Tensor  # [R], samples of a bin, an integer in floating point
    bins: int
    size: int  # pixels of the map
    adaptive: bool  # the number of samples depends on the bin size

    def part(self, first: int, last: int) -> Axis:
        """Return the bins of the RoIs ``first`` to ``last - 1``."""
        names = ("start", "bin_size", "samples")
        return self._replace(**{name: getattr(self, name)[first:last] for name in names})


def lay_bins(rois: Tensor, shape: tuple[int, ...], sampling: Sampling) -> tuple[Tensor, Axis, Axis]:
    """Return the image of each RoI, [R] int64, and the vertical and horizontal bins.

    ``rois`` are [R, 5], ``(image, x1, y1, x2, y2)`` in input pixels; ``shape`` is (N, C, H, W) of
    the maps.

    Raises:
        ValueError: ``rois`` is not [R, 5], or has an image index outside the batch.
    """
    if rois.ndim != 2 or rois.shape[1] != 5:
        raise ValueError(f"rois must be [R, 5] (image, x1, y1, x2, y2), found {[*rois.shape]}")
    rois = rois.detach().to(torch.promote_types(rois.dtype, torch.float32))
    image = rois[:, 0].long()
    if image.numel() and not 0 <= int(image.min()) <= int(image.max()) < shape[0]:
        raise ValueError(
            f"rois have image indices from {int(image.min())} to {int(image.max())}, "
            f"but the batch has {shape[0]} images"
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
    """Return the coordinates of the samples of each bin along one axis.

    An adaptive RoI that is much larger than the map has many samples outside it. Samples have a
    distance of at least half a pixel (a bin of b > 1 pixels has fewer than b + 1 samples), so
    ``2 * size`` samples, from the last ones before the map, are enough.

    Returns:
        The coordinates clamped to the map, whether each is a sample of its RoI, and whether it
        reads the map instead of zero; all [R, bins, S].
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
    """Return groups of consecutive items with a cost of about ``limit``, at least one item each.

    Returns:
        (first, last exclusive) of each group, in order.
    """
    if cost.numel() == 0:
        return []
    run = cost.double().cumsum(0) // limit
    ends = run.unique_consecutive(return_counts=True)[1].cumsum(0).tolist()
    return list(zip([0, *ends[:-1]], ends))
