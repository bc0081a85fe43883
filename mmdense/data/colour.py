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
    return _blend(images, _luma(images).mean(dim=(2, 3), keepdim=True), factors)


def adjust_saturation(images: Tensor, factors: Tensor) -> Tensor:
    """Move each pixel of ``[B, 3, H, W]`` from its luma by the factor of its image, ``[B]``."""
    return _blend(images, _luma(images), factors)


def adjust_hue(images: Tensor, shifts: Tensor) -> Tensor:
    """Turn the colour circle of each image of ``[B, 3, H, W]`` by its shift in turns, ``[B]``.

    Value and chroma of HSV stay as they are, so only the hue is computed: in sixths of a turn from
    red, a channel is ``value - chroma * clamp(2 - |k - 2|, 0, 1)`` with
    ``k = (hue + 5, 3, 1) mod 6`` for red, green, blue.
    """
    red, green, blue = images.unbind(1)  # [B, H, W] each
    value = torch.maximum(torch.maximum(red, green), blue)
    chroma = value - torch.minimum(torch.minimum(red, green), blue)
    scale = chroma.clamp(min=1e-12).reciprocal_()
    # The largest channel decides the formula; lerp by 0 or 1, since torch.where is far slower.
    not_red, not_green = (value - red).sign_(), (value - green).sign_()
    if_not_red = torch.lerp((blue - red) * scale + 2, (red - green) * scale + 4, not_green)
    hue = torch.lerp((green - blue) * scale, if_not_red, not_red)
    hue += 6 * shifts[:, None, None]
    turned = torch.empty_like(images)  # [B, 3, H, W]
    for channel, offset in enumerate((5, 3, 1)):
        k = hue + offset
        k.sub_((k * (1 / 6)).floor_(), alpha=6)
        weight = k.sub_(2).abs_().neg_().add_(2).clamp_(0, 1)
        torch.addcmul(value, chroma, weight, value=-1, out=turned[:, channel])
    return turned


def solarize(images: Tensor, threshold: float) -> Tensor:
    """Invert the values of ``[B, C, H, W]`` from ``threshold`` on."""
    return torch.where(images >= threshold, 1 - images, images)


def _luma(images: Tensor) -> Tensor:
    """``[B, 3, H, W]`` to ``[B, 1, H, W]``."""
    red, green, blue = (images[:, i : i + 1] for i in range(3))
    return (red * GRAY[0]).add_(green, alpha=GRAY[1]).add_(blue, alpha=GRAY[2])


def _blend(images: Tensor, other: Tensor, factors: Tensor) -> Tensor:
    """``images`` weighted by the factor, ``other`` by what is missing to 1."""
    return torch.lerp(other, images, factors[:, None, None, None]).clamp_(0, 1)
