"""Random parameters of views, drawn for each sample of a batch.

The defaults are SimSiam's (Chen and He 2021, section 4), based on SimCLR's (Chen et al. 2020,
appendix A). Legend: B samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

# The value in each column of ViewParameters.factors that does not change an image.
IDENTITY = (1.0, 1.0, 1.0, 0.0)
CROP_TRIALS = 10


@dataclass(frozen=True)
class ViewDistribution:
    """The distribution of a random view.

    Attributes:
        size: Height and width of the view in pixels.
        crop_scale: Minimum and maximum area of the crop, as a fraction of the image.
        crop_ratio: Minimum and maximum aspect ratio of the crop, width over height.
        flip_prob: Probability of a horizontal flip.
        jitter_prob: Probability of colour jitter.
        brightness: The factor is between ``1 - brightness`` and ``1 + brightness``.
        contrast: As ``brightness``.
        saturation: As ``brightness``.
        hue: Maximum shift as a fraction of the colour circle, in both directions; at most 0.5.
        gray_prob: Probability of conversion to grey.
        blur_prob: Probability of a Gaussian blur.
        blur_sigma: Minimum and maximum standard deviation of the blur in pixels.
        solarize_prob: Probability of solarization.
        solarize_threshold: Values of at least this threshold are inverted; 0 to 1.

    Raises:
        ValueError: A value is out of range; the message names it.
    """

    size: tuple[int, int]
    crop_scale: tuple[float, float] = (0.2, 1.0)
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip_prob: float = 0.5
    jitter_prob: float = 0.8
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.1
    gray_prob: float = 0.2
    blur_prob: float = 0.5
    blur_sigma: tuple[float, float] = (0.1, 2.0)
    solarize_prob: float = 0.0
    solarize_threshold: float = 128 / 255

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_prob") and not 0 <= value <= 1:
                raise ValueError(f"{field.name}={value} must be a probability, 0 to 1")
            if field.name in ("crop_scale", "crop_ratio", "blur_sigma") and not (
                len(value) == 2 and 0 < value[0] <= value[1]
            ):
                raise ValueError(f"{field.name}={value} must be (minimum, maximum), both above 0")
            if field.name in ("brightness", "contrast", "saturation") and not 0 <= value <= 1:
                raise ValueError(f"{field.name}={value} must be between 0 and 1")
        if self.crop_scale[1] > 1:
            raise ValueError(f"crop_scale={self.crop_scale} must not exceed 1, the whole image")
        if not 0 <= self.hue <= 0.5:
            raise ValueError(f"hue={self.hue} must be between 0 and 0.5")
        if len(self.size) != 2 or min(self.size) < 1:
            raise ValueError(f"size={self.size} must be (height, width) in pixels")


@dataclass(frozen=True)
class ViewParameters:
    """The parameters of one view of a batch; all tensors are on the CPU.

    Attributes:
        crops: Top, left, height and width in pixels, ``[B, 4]``.
        flips: Whether to flip each sample, ``[B]``.
        factors: Brightness, contrast, saturation (1 for no change) and hue shift (0 for no change),
            ``[B, 4]``.
        order: Order of the four colour changes for the whole batch.
        grays: Whether to convert each sample to grey, ``[B]``.
        sigmas: Standard deviation of the blur in pixels, 0 for none, ``[B]``.
        solarized: Whether to solarize each sample, ``[B]``.
    """

    crops: Tensor
    flips: Tensor
    factors: Tensor
    order: tuple[int, ...]
    grays: Tensor
    sigmas: Tensor
    solarized: Tensor


def sample_parameters(
    sizes: Tensor, distribution: ViewDistribution, *, generator: torch.Generator | None = None
) -> ViewParameters:
    """Return random parameters of one view of each image, of sizes (height, width) ``[B, 2]``.

    The samples share only the order of the four colour changes. ``generator`` is on the CPU; None
    uses torch's global one.
    """
    batch = len(sizes)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(batch, generator=generator) * (high - low) + low

    def chosen(probability: float) -> Tensor:
        return torch.rand(batch, generator=generator) < probability

    crops = sample_crops(
        sizes, scale=distribution.crop_scale, ratio=distribution.crop_ratio, generator=generator
    )
    names = ("brightness", "contrast", "saturation", "hue")
    strengths = [getattr(distribution, name) for name in names]
    shifts = torch.stack([uniform(-strength, strength) for strength in strengths], dim=1)  # [B, 4]
    shifts = shifts * chosen(distribution.jitter_prob)[:, None]  # 0 changes nothing
    return ViewParameters(
        crops=crops,
        flips=chosen(distribution.flip_prob),
        factors=shifts + torch.tensor(IDENTITY),
        order=tuple(torch.randperm(4, generator=generator).tolist()),
        grays=chosen(distribution.gray_prob),
        sigmas=uniform(*distribution.blur_sigma) * chosen(distribution.blur_prob),
        solarized=chosen(distribution.solarize_prob),
    )


def sample_crops(
    sizes: Tensor,
    *,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return crops of random area and aspect ratio (Szegedy et al. 2015, section 6).

    For each sample, ten boxes are drawn, uniform in area and in the logarithm of the ratio. The
    first one that fits is used; if none fits, the largest central box of an allowed ratio.

    Args:
        sizes: Height and width of each image in pixels, ``[B, 2]``.
        scale: Minimum and maximum area as a fraction of the image.
        ratio: Minimum and maximum of width over height.
        generator: Random generator on the CPU; None uses torch's global one.

    Returns:
        Top, left, height, width in pixels, int64 ``[B, 4]``.
    """
    batch, (height, width) = len(sizes), sizes.T  # [B] each
    draws = torch.rand(3, batch, CROP_TRIALS, generator=generator)
    share = draws[0] * (scale[1] - scale[0]) + scale[0]
    area = (height * width)[:, None] * share  # [B, 10]
    low, high = math.log(ratio[0]), math.log(ratio[1])
    aspect = (draws[1] * (high - low) + low).exp()
    widths = (area * aspect).sqrt().round().long()
    heights = (area / aspect).sqrt().round().long()
    fits = (widths > 0) & (widths <= width[:, None]) & (heights > 0) & (heights <= height[:, None])
    first = fits.int().argmax(dim=1, keepdim=True)  # [B, 1]; argmax gives the first

    nearest = (width.double() / height).clamp(*ratio)  # [B]
    tallest = torch.minimum(height, (width / nearest).round().long())
    widest = torch.minimum(width, (height * nearest).round().long())
    none_fits = ~fits.any(dim=1)
    crop_height = torch.where(none_fits, tallest, heights.gather(1, first).squeeze(1))  # [B]
    crop_width = torch.where(none_fits, widest, widths.gather(1, first).squeeze(1))

    free = torch.stack([height - crop_height, width - crop_width])  # [2, B]
    place = torch.rand(2, batch, generator=generator)
    corner = (place * (free + 1)).long().minimum(free)
    corner = torch.where(none_fits, free // 2, corner)
    return torch.stack([corner[0], corner[1], crop_height, crop_width], dim=1)  # [B, 4]
