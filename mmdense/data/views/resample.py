"""Crop, resize and blur with different parameters for each sample, as matrix products.

All three are linear and separable: ``rows @ image @ columns^T`` with a pair of matrices for each
sample. Resizing uses an antialiased triangle filter. The definitions are those of torchvision.

Legend: B samples, C channels, H x W source size, h x w target size, r blur radius.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

__all__ = ["crop_and_resize", "gaussian_blur"]


def crop_and_resize(
    images: Tensor | Sequence[Tensor], crops: Tensor, flips: Tensor, *, size: tuple[int, int]
) -> Tensor:
    """Return resized and optionally flipped crops of the images.

    It equals torchvision's ``resized_crop(..., antialias=True)`` with bilinear interpolation.

    Args:
        images: ``[B, C, H, W]``, or B images ``[C, H, W]`` of different sizes; uint8, or floating
            point from 0 to 1.
        crops: Top, left, height, width in pixels, ``[B, 4]``, inside the image.
        flips: Whether to flip each crop horizontally, ``[B]``.
        size: Height and width of the result in pixels.

    Returns:
        ``[B, C, h, w]`` float32 from 0 to 1.
    """
    if not isinstance(images, Tensor):
        return _crop_one_by_one(images, crops, flips, size)
    height, width = images.shape[-2:]
    crops, flips = crops.to(images.device).float(), flips.to(images.device)
    upright = torch.zeros_like(flips)
    rows = _resize_matrix(crops[:, 0], crops[:, 2], height, size[0], upright)  # [B, h, H]
    columns = _resize_matrix(crops[:, 1], crops[:, 3], width, size[1], flips)  # [B, w, W]
    if images.dtype == torch.uint8:
        rows = rows / 255
    return _separable(images, rows, columns)


def _crop_one_by_one(
    images: Sequence[Tensor], crops: Tensor, flips: Tensor, size: tuple[int, int]
) -> Tensor:
    views = []
    for image, box, mirror in zip(images, crops.tolist(), flips.tolist(), strict=True):
        top, left, height, width = box
        crop = image[None, :, top : top + height, left : left + width]  # [1, C, height, width]
        crop = crop.float() / 255 if crop.dtype == torch.uint8 else crop.float()
        view = interpolate(crop, size, mode="bilinear", antialias=True)[0]  # [C, h, w]
        views.append(view.flip(2) if mirror else view)
    return torch.stack(views)


def _resize_matrix(
    start: Tensor, length: Tensor, source: int, target: int, mirror: Tensor
) -> Tensor:
    """Return the weights ``[B, target, source]`` that resize ``length`` pixels from ``start``."""
    device = start.device
    position = torch.arange(target, device=device) + 0.5  # [t]
    position = torch.where(mirror[:, None], target - position, position)  # [B, t]
    step = (length / target)[:, None]  # [B, 1] source pixels per target pixel
    pixel = torch.arange(source, device=device) + 0.5 - start[:, None]  # [B, s] inside the crop
    distance = pixel[:, None, :] - (position * step)[:, :, None]  # [B, t, s]
    weights = (1 - distance.abs_() / step.clamp(min=1)[:, :, None]).clamp_(min=0)
    inside = (pixel > 0) & (pixel < length[:, None])  # [B, s]
    weights = weights * inside[:, None, :]
    return weights / weights.sum(dim=2, keepdim=True)


def gaussian_blur(images: Tensor, sigmas: Tensor) -> Tensor:
    """Return each image blurred with its own Gaussian; the border is reflected.

    It equals torchvision's ``gaussian_blur`` with a kernel of ``2 * radius + 1`` pixels, where the
    radius is three standard deviations, rounded up.

    Args:
        images: ``[B, C, H, W]``.
        sigmas: Standard deviations in pixels, above 0, ``[B]``.
    """
    height, width = images.shape[-2:]
    radii = (3 * sigmas).ceil()  # [B]
    reach = int(radii.max())
    taps = torch.arange(-reach, reach + 1, device=images.device)  # [2r + 1]
    weights = torch.exp(-0.5 * (taps / sigmas[:, None]) ** 2)  # [B, 2r + 1]
    weights = weights * (taps.abs() <= radii[:, None])
    weights = weights / weights.sum(dim=1, keepdim=True)
    return _separable(
        images, _blur_matrix(weights, taps, height), _blur_matrix(weights, taps, width)
    )


def _blur_matrix(weights: Tensor, taps: Tensor, side: int) -> Tensor:
    """Return the matrix ``[B, side, side]`` that convolves ``side`` pixels with ``weights``."""
    source = torch.arange(side, device=taps.device)[:, None] + taps  # [side, 2r + 1]
    # Reflect at both ends, repeatedly if the image is smaller than the kernel.
    source = side - 1 - (source % max(2 * (side - 1), 1) - (side - 1)).abs()
    batch = len(weights)
    matrix = weights.new_zeros(batch, side, side)
    return matrix.scatter_add_(
        2, source.expand(batch, -1, -1), weights[:, None, :].expand(-1, side, -1)
    )


def _separable(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return ``rows @ image @ columns^T`` of each channel, ``[B, C, h, w]``.

    The shapes are ``[B, C, H, W]`` for images, ``[B, h, H]`` for rows, ``[B, w, W]`` for columns.
    """
    batch, channels, _, width = images.shape
    # With rows first, each product is one GEMM per sample, without copies.
    lines = images.permute(0, 2, 1, 3).to(  # [B, H, C, W]
        torch.float32, memory_format=torch.contiguous_format
    )
    shorter = torch.bmm(rows, lines.flatten(2))  # [B, h, C*W]
    narrower = torch.bmm(shorter.view(batch, -1, width), columns.transpose(1, 2))  # [B, h*C, w]
    return narrower.view(batch, rows.shape[1], channels, -1).permute(0, 2, 1, 3)  # [B, C, h, w]
