"""What is drawn for random views of a batch of images, each sample with its own.

The recipe is SimCLR's (Chen et al. 2020, appendix A) as SimSiam takes it (Chen and He 2021,
section 4). Letters: B samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mmdense.data.views.recipe import ViewRecipe

__all__ = ["IDENTITY", "ViewParameters", "sample_crops", "sample_parameters"]

# In the columns of ViewParameters.factors, the value that leaves an image as it is.
IDENTITY = (1.0, 1.0, 1.0, 0.0)
CROP_TRIALS = 10


@dataclass(frozen=True)
class ViewParameters:
    """What was drawn for one view of a batch; all tensors on the CPU.

    Attributes:
        crops: Top, left, height and width in pixels, ``[B, 4]``.
        flips: Which samples are mirrored, ``[B]``.
        factors: Brightness, contrast, saturation (1 leaves the image) and hue shift (0 leaves it),
            ``[B, 4]``.
        order: Order of those four for the whole batch.
        grays: Which samples lose their colour, ``[B]``.
        sigmas: Standard deviation of the blur in pixels, 0 for none, ``[B]``.
        solarized: Which samples are solarized, ``[B]``.
    """

    crops: Tensor
    flips: Tensor
    factors: Tensor
    order: tuple[int, ...]
    grays: Tensor
    sigmas: Tensor
    solarized: Tensor


def sample_parameters(
    sizes: Tensor, recipe: ViewRecipe, *, generator: torch.Generator | None = None
) -> ViewParameters:
    """Draw the parameters of one view of each image.

    Each sample has its own; only the order of the four colour changes is one for the batch.

    Args:
        sizes: Height and width of each image in pixels, ``[B, 2]``.
        recipe: What is drawn from.
        generator: Source of randomness on the CPU; None takes torch's global one.
    """
    batch = len(sizes)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(batch, generator=generator) * (high - low) + low

    def chosen(probability: float) -> Tensor:
        return torch.rand(batch, generator=generator) < probability

    crops = sample_crops(
        sizes, scale=recipe.crop_scale, ratio=recipe.crop_ratio, generator=generator
    )
    strengths = (recipe.brightness, recipe.contrast, recipe.saturation, recipe.hue)
    shifts = torch.stack([uniform(-strength, strength) for strength in strengths], dim=1)  # [B, 4]
    shifts = shifts * chosen(recipe.jitter_prob)[:, None]  # no shift leaves the image
    return ViewParameters(
        crops=crops,
        flips=chosen(recipe.flip_prob),
        factors=shifts + torch.tensor(IDENTITY),
        order=tuple(torch.randperm(4, generator=generator).tolist()),
        grays=chosen(recipe.gray_prob),
        sigmas=uniform(*recipe.blur_sigma) * chosen(recipe.blur_prob),
        solarized=chosen(recipe.solarize_prob),
    )


def sample_crops(
    sizes: Tensor,
    *,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    generator: torch.Generator | None = None,
) -> Tensor:
    """Boxes of a random area and a random aspect ratio (Szegedy et al. 2015, section 6).

    Ten boxes are drawn for each sample, uniform in area and in the logarithm of the ratio, and the
    first that fits is taken; if none does, the largest central box of an allowed ratio.

    Args:
        sizes: Height and width of each image in pixels, ``[B, 2]``.
        scale: Area as a share of the image, least and most.
        ratio: Width over height, least and most.
        generator: Source of randomness on the CPU; None takes torch's global one.

    Returns:
        Top, left, height, width in whole pixels, int64 ``[B, 4]``.
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
    first = fits.int().argmax(dim=1, keepdim=True)  # [B, 1]; the first of the largest

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
