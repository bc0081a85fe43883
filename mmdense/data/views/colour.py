"""Colour changes of a batch, each sample with its own strength.

Images are RGB, floating point, 0 to 1; results are clamped to this range. The definitions are those
of torchvision. Legend: B samples, C = 3 channels, H x W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

GRAY = (0.2989, 0.587, 0.114)


def grayscale(images: Tensor) -> Tensor:
    """Return the luma of RGB images in all three channels, ``[B, 3, H, W]``."""
    return _luma(images).repeat(1, 3, 1, 1)


def adjust_brightness(images: Tensor, factors: Tensor) -> Tensor:
    """Return each image of ``[B, 3, H, W]`` times its factor, ``[B]``."""
    return (images * factors[:, None, None, None]).clamp_(0, 1)


def adjust_contrast(images: Tensor, factors: Tensor) -> Tensor:
    """Scale the difference of images ``[B, 3, H, W]`` from their mean luma by factors, ``[B]``."""
    factors = factors[:, None, None, None]
    mean = _luma(images).mean(dim=(2, 3), keepdim=True)  # [B, 1, 1, 1]
    return (images * factors).add_(mean * (1 - factors)).clamp_(0, 1)


def adjust_saturation(images: Tensor, factors: Tensor) -> Tensor:
    """Scale the difference of pixels ``[B, 3, H, W]`` from their luma by factors, ``[B]``."""
    return torch.lerp(_luma(images), images, factors[:, None, None, None]).clamp_(0, 1)


def adjust_hue(images: Tensor, shifts: Tensor) -> Tensor:
    """Shift the hue of each image ``[B, 3, H, W]`` by a fraction of the colour circle, ``[B]``.

    Value and chroma of HSV do not change, so only the hue is computed, from 0 (red) to 6. A channel
    is then ``value - chroma * weight``. The weights are ``clamp(2 - |hue - 3|, 0, 1)`` for red,
    ``clamp(|hue - 2| - 1, 0, 1)`` for green and ``clamp(|hue - 4| - 1, 0, 1)`` for blue.
    """
    red, green, blue = images.unbind(1)  # [B, H, W] each
    value = torch.maximum(torch.maximum(red, green), blue)
    chroma = value - torch.minimum(torch.minimum(red, green), blue)
    scale = chroma.clamp(min=1e-12).reciprocal_()
    # The formula depends on the largest channel; lerp by 0 or 1 is much faster than torch.where.
    not_red, not_green = (value - red).sign_(), (value - green).sign_()
    if_green = (blue - red).mul_(scale).add_(2)
    if_blue = (red - green).mul_(scale).add_(4)
    hue = (green - blue).mul_(scale).lerp_(if_green.lerp_(if_blue, not_green), not_red)
    hue += 6 * shifts[:, None, None]
    hue.sub_((hue * (1 / 6)).floor_(), alpha=6)  # [B, H, W], from 0 to 6
    turned = torch.empty_like(images)  # [B, 3, H, W]
    weight = (hue - 3).abs_().neg_().add_(2).clamp_(0, 1)
    torch.addcmul(value, chroma, weight, value=-1, out=turned[:, 0])
    for channel, own in ((1, 2), (2, 4)):
        torch.sub(hue, own, out=weight).abs_().sub_(1).clamp_(0, 1)
        torch.addcmul(value, chroma, weight, value=-1, out=turned[:, channel])
    return turned


def solarize(images: Tensor, threshold: float) -> Tensor:
    """Invert the values of ``[B, C, H, W]`` that are at least ``threshold``."""
    return torch.where(images >= threshold, 1 - images, images)


def _luma(images: Tensor) -> Tensor:
    """Return the luma ``[B, 1, H, W]`` of ``[B, 3, H, W]``."""
    red, green, blue = images.split(1, dim=1)
    return (red * GRAY[0]).add_(green, alpha=GRAY[1]).add_(blue, alpha=GRAY[2])
