"""One view of one uint8 image on a CPU, with OpenCV.

It is the CPU version of :mod:`mmdense.data.views.random_view`, with the same parameters and
definitions, but each step rounds to bytes. On a CPU, OpenCV's uint8 operations are several times
faster than float operations in torch. Only resizing uses torch.

Legend: H x W source size, h x w target size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

LUMA = np.array([0.299, 0.587, 0.114])  # as in OpenCV
Pixels = np.ndarray[Any, Any]  # uint8 [H, W, 3] RGB


def crop_and_resize(
    image: Tensor, box: tuple[int, int, int, int], mirror: bool, size: tuple[int, int]
) -> Pixels:
    """Crop uint8 ``[3, H, W]`` to top, left, height, width; resize to ``[h, w, 3]``; flip."""
    top, left, height, width = box
    part = image[:, top : top + height, left : left + width]
    if image.stride(0) == 1:  # channels last in memory, as from PackImage
        crop = part.permute(1, 2, 0).contiguous()  # [height, width, 3]
    else:
        crop = torch.from_numpy(cv2.merge(list(part.numpy())))  # much faster than in torch
    view = interpolate(crop[None].permute(0, 3, 1, 2), size, mode="bilinear", antialias=True)
    # For a single row or column, torch may return another memory format.
    pixels = view[0].permute(1, 2, 0).contiguous().numpy()  # [h, w, 3]
    return cv2.flip(pixels, 1) if mirror else pixels


def adjust_brightness(pixels: Pixels, factor: float) -> Pixels:
    """Return the image times ``factor``."""
    return cv2.convertScaleAbs(pixels, alpha=factor)


def adjust_contrast(pixels: Pixels, factor: float) -> Pixels:
    """Scale the difference from the mean luma by ``factor``."""
    mean = float(np.asarray(cv2.mean(pixels))[:3] @ LUMA)
    return cv2.addWeighted(pixels, factor, pixels, 0, mean * (1 - factor))


def adjust_saturation(pixels: Pixels, factor: float) -> Pixels:
    """Scale the difference of each pixel from its luma by ``factor``."""
    return cv2.addWeighted(pixels, factor, grayscale(pixels), 1 - factor, 0)


def adjust_hue(pixels: Pixels, shift: float) -> Pixels:
    """Shift the hue by ``shift`` of the colour circle."""
    hsv: Pixels = cv2.cvtColor(pixels.astype(np.float32), cv2.COLOR_RGB2HSV)  # hue in degrees
    hsv[..., 0] += 360 * (shift % 1)  # OpenCV wraps at 360
    return cv2.convertScaleAbs(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


def grayscale(pixels: Pixels) -> Pixels:
    """Return the luma in all three channels."""
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def gaussian_blur(pixels: Pixels, sigma: float) -> Pixels:
    """Blur with a radius of 3 ``sigma``, rounded up; the border is reflected."""
    radius = int(np.ceil(3 * sigma))
    kernel = cv2.getGaussianKernel(2 * radius + 1, sigma, cv2.CV_32F)
    return cv2.sepFilter2D(pixels, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)


def solarize(pixels: Pixels, threshold: float) -> Pixels:
    """Invert the values that are at least ``threshold``, on a scale of 0 to 1."""
    values = np.arange(256)
    table = np.where(values / 255 >= threshold, 255 - values, values).astype(np.uint8)
    return cv2.LUT(pixels, table)


COLOUR_CHANGES: tuple[Callable[[Pixels, float], Pixels], ...] = (
    *(adjust_brightness, adjust_contrast),
    *(adjust_saturation, adjust_hue),
)
