"""Colour changes of a batch, each sample with its own strength.

Images are RGB, floating point from 0 to 1, and results are clamped to that range. Definitions are
torchvision's. Letters: B samples, C = 3 channels, H x W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "adjust_brightness",
    "adjust_contrast",
    "adjust_hue",
    "adjust_saturation",
    "grayscale",
    "solarize",
]

GRAY = (0.2989, 0.587, 0.114)


def grayscale(images: Tensor) -> Tensor:
    """Luma of RGB in all three channels, ``[B, 3, H, W]``."""
    return _luma(images).repeat(1, 3, 1, 1)


def adjust_brightness(images: Tensor, factors: Tensor) -> Tensor:
    """Multiply each image of ``[B, 3, H, W]`` by its factor, ``[B]``."""
    return (images * factors[:, None, None, None]).clamp_(0, 1)


def adjust_contrast(images: Tensor, factors: Tensor) -> Tensor:
    """Move each image of ``[B, 3, H, W]`` from its mean luma by its factor, ``[B]``."""
    factors = factors[:, None, None, None]
    mean = _luma(images).mean(dim=(2, 3), keepdim=True)  # [B, 1, 1, 1]
    return (images * factors).add_(mean * (1 - factors)).clamp_(0, 1)


def adjust_saturation(images: Tensor, factors: Tensor) -> Tensor:
    """Move each pixel of ``[B, 3, H, W]`` from its luma by the factor of its image, ``[B]``."""
    return torch.lerp(_luma(images), images, factors[:, None, None, None]).clamp_(0, 1)


def adjust_hue(images: Tensor, shifts: Tensor) -> Tensor:
    """Turn the colour circle of each image of ``[B, 3, H, W]`` by its shift in turns, ``[B]``.

    Value and chroma of HSV stay as they are, so only the hue is computed, in sixths of a turn from
    red. A channel is then ``value - chroma * weight``; the weight of red is a ramp around cyan,
    ``clamp(2 - |hue - 3|, 0, 1)``, and those of green and blue are ramps away from their own hue,
    ``clamp(|hue - 2| - 1, 0, 1)`` and ``clamp(|hue - 4| - 1, 0, 1)``.
    """
    red, green, blue = images.unbind(1)  # [B, H, W] each
    value = torch.maximum(torch.maximum(red, green), blue)
    chroma = value - torch.minimum(torch.minimum(red, green), blue)
    scale = chroma.clamp(min=1e-12).reciprocal_()
    # The largest channel decides the formula; lerp by 0 or 1, since torch.where is far slower.
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
    """Invert the values of ``[B, C, H, W]`` from ``threshold`` on."""
    return torch.where(images >= threshold, 1 - images, images)


def _luma(images: Tensor) -> Tensor:
    """``[B, 3, H, W]`` to ``[B, 1, H, W]``."""
    red, green, blue = (images[:, i : i + 1] for i in range(3))
    return (red * GRAY[0]).add_(green, alpha=GRAY[1]).add_(blue, alpha=GRAY[2])
