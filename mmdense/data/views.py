"""Random views of a batch of images, each sample with its own parameters, without a loop over them.

    images ─ sample_parameters ─┐
       └─────────────────── apply_parameters ─ view       (random_view does both)

Geometry is in :mod:`mmdense.data.resample`, colour in :mod:`mmdense.data.colour`; here is what is
drawn and in which order it is applied. The recipe is SimCLR's (Chen et al. 2020, appendix A) as
SimSiam takes it (Chen and He 2021, section 4).

Letters: B samples, H x W source size, h x w size of the view.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from mmdense.data.colour import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    grayscale,
    solarize,
)
from mmdense.data.resample import crop_and_resize, gaussian_blur
from mmdense.data.view_recipe import ViewRecipe

__all__ = [
    "ViewParameters",
    "apply_parameters",
    "random_view",
    "sample_crops",
    "sample_parameters",
]

# In the columns of ViewParameters.factors: the change, and the value that leaves an image as it is.
COLOUR_CHANGES = (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue)
IDENTITY = (1.0, 1.0, 1.0, 0.0)
CROP_TRIALS = 10
# Pixels of a view that are worked on together on a CPU: the intermediate maps stay in its cache.
PIXELS_AT_ONCE = 1 << 17


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


def random_view(
    images: Tensor, recipe: ViewRecipe, *, generator: torch.Generator | None = None
) -> Tensor:
    """One random view of each image.

    Args:
        images: ``[B, 3, H, W]`` RGB, uint8 from 0 to 255 or floating point from 0 to 1.
        recipe: What is drawn from.
        generator: Source of randomness on the CPU; None takes torch's global one.

    Returns:
        ``[B, 3, h, w]`` float32 from 0 to 1, on the device of ``images``.
    """
    batch, _, height, width = images.shape
    parameters = sample_parameters(batch, height, width, recipe, generator=generator)
    return apply_parameters(images, parameters, recipe)


def sample_parameters(
    batch: int,
    height: int,
    width: int,
    recipe: ViewRecipe,
    *,
    generator: torch.Generator | None = None,
) -> ViewParameters:
    """Draw the parameters of one view for images of ``height`` x ``width``.

    Each sample has its own; only the order of the four colour changes is one for the batch.
    """

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(batch, generator=generator) * (high - low) + low

    def chosen(probability: float) -> Tensor:
        return torch.rand(batch, generator=generator) < probability

    crops = sample_crops(
        batch,
        height,
        width,
        scale=recipe.crop_scale,
        ratio=recipe.crop_ratio,
        generator=generator,
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


def apply_parameters(images: Tensor, parameters: ViewParameters, recipe: ViewRecipe) -> Tensor:
    """Make the view that ``parameters`` describe: crop, flip, colours, gray, blur, solarize.

    Args:
        images: ``[B, 3, H, W]`` RGB, uint8 from 0 to 255 or floating point from 0 to 1.
        parameters: For these B samples.
        recipe: Gives the size, the radius of the blur and the threshold.

    Returns:
        ``[B, 3, h, w]`` float32 from 0 to 1.

    Raises:
        ValueError: ``images`` is not a batch of RGB images, or has another number of samples.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images of shape {tuple(images.shape)}: need [B, 3, H, W]")
    batch = len(images)
    if len(parameters.crops) != batch:
        raise ValueError(f"{len(parameters.crops)} parameters for {batch} images")
    height, width = recipe.size
    if images.device.type != "cpu":
        return _apply(images, parameters, slice(None), recipe).contiguous()
    at_once = max(1, PIXELS_AT_ONCE // (height * width))
    view = torch.empty(batch, 3, height, width)  # [B, 3, h, w]
    with _one_thread():
        for start in range(0, batch, at_once):
            part = slice(start, start + at_once)
            view[part] = _apply(images[part], parameters, part, recipe)
    return view


@contextmanager
def _one_thread() -> Iterator[None]:
    # A view is a hundred short operations: waiting for the slowest thread at the end of each costs
    # more than a second thread brings, above all beside busy workers.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _apply(images: Tensor, parameters: ViewParameters, part: slice, recipe: ViewRecipe) -> Tensor:
    device = images.device
    view = crop_and_resize(
        images,
        parameters.crops[part].to(device),
        parameters.flips[part].to(device),
        size=recipe.size,
    )  # [B, 3, h, w]
    factors = parameters.factors[part]
    for which in parameters.order:
        if (factors[:, which] != IDENTITY[which]).any():
            view = COLOUR_CHANGES[which](view, factors[:, which].to(device))
    view = _on_subset(view, parameters.grays[part], lambda some, _: grayscale(some))
    radius = min(math.ceil(3 * recipe.blur_sigma[1]), *(side - 1 for side in recipe.size))
    view = _on_subset(
        view, parameters.sigmas[part], lambda some, sigma: gaussian_blur(some, sigma, radius)
    )
    return _on_subset(
        view, parameters.solarized[part], lambda some, _: solarize(some, recipe.solarize_threshold)
    )


def _on_subset(
    images: Tensor, values: Tensor, change: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Apply ``change`` to the samples whose value is not zero; may write to ``images``."""
    chosen = values.nonzero().flatten()  # on the CPU, so no wait for the device
    if len(chosen) == 0:
        return images
    values = values[chosen].to(images.device)
    if len(chosen) == len(images):
        return change(images, values)
    index = chosen.to(images.device)
    return images.index_copy_(0, index, change(images.index_select(0, index), values))


def sample_crops(
    batch: int,
    height: int,
    width: int,
    *,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    generator: torch.Generator | None = None,
) -> Tensor:
    """Boxes of a random area and a random aspect ratio (Szegedy et al. 2015, section 6).

    Ten boxes are drawn for each sample, uniform in area and in the logarithm of the ratio, and the
    first that fits is taken; if none does, the largest central box of an allowed ratio.

    Args:
        batch: Number of boxes B.
        height: Height of the images in pixels.
        width: Width of the images in pixels.
        scale: Area as a share of the image, least and most.
        ratio: Width over height, least and most.
        generator: Source of randomness on the CPU; None takes torch's global one.

    Returns:
        Top, left, height, width in whole pixels, int64 ``[B, 4]``.
    """
    draws = torch.rand(3, batch, CROP_TRIALS, generator=generator)
    area = height * width * (draws[0] * (scale[1] - scale[0]) + scale[0])  # [B, 10]
    low, high = math.log(ratio[0]), math.log(ratio[1])
    aspect = (draws[1] * (high - low) + low).exp()
    widths = (area * aspect).sqrt().round().long()
    heights = (area / aspect).sqrt().round().long()
    fits = (widths > 0) & (widths <= width) & (heights > 0) & (heights <= height)
    first = fits.int().argmax(dim=1, keepdim=True)  # [B, 1]; the first of the largest

    nearest = min(max(width / height, ratio[0]), ratio[1])
    none_fits = ~fits.any(dim=1)
    crop_height = heights.gather(1, first).squeeze(1)  # [B]
    crop_width = widths.gather(1, first).squeeze(1)
    crop_height = torch.where(none_fits, min(height, round(width / nearest)), crop_height)
    crop_width = torch.where(none_fits, min(width, round(height * nearest)), crop_width)

    free = torch.stack([height - crop_height, width - crop_width])  # [2, B]
    place = torch.rand(2, batch, generator=generator)
    corner = (place * (free + 1)).long().minimum(free)
    corner = torch.where(none_fits, free // 2, corner)
    return torch.stack([corner[0], corner[1], crop_height, crop_width], dim=1)  # [B, 4]
