"""Random views of a batch of images, each sample with its own parameters.

The parameters are in :mod:`mmdense.data.views.parameters`, geometry in
:mod:`mmdense.data.views.resample`, colour in :mod:`mmdense.data.views.colour`, and the CPU version
in :mod:`mmdense.data.views.opencv`.

Legend: B samples, H x W source size, h x w size of the view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from mmdense.data.views import colour, opencv
from mmdense.data.views.parameters import (
    IDENTITY,
    ViewDistribution,
    ViewParameters,
    sample_parameters,
)
from mmdense.data.views.resample import crop_and_resize, gaussian_blur

__all__ = ["apply_parameters", "random_view"]

# One function per column of ViewParameters.factors.
COLOUR_CHANGES = (
    *(colour.adjust_brightness, colour.adjust_contrast),
    *(colour.adjust_saturation, colour.adjust_hue),
)
# On a CPU, views of up to SMALL pixels are made in torch, with PIXELS_AT_ONCE pixels per step to
# stay in the cache. Larger views are made one by one with OpenCV.
SMALL = 64 * 64
PIXELS_AT_ONCE = 1 << 16


def random_view(
    images: Tensor | Sequence[Tensor],
    distribution: ViewDistribution,
    *,
    generator: torch.Generator | None = None,
    mean: Tensor | None = None,
    std: Tensor | None = None,
) -> Tensor:
    """Return one random view of each image, as :func:`apply_parameters`.

    ``generator`` is on the CPU; None uses torch's global one.
    """
    sizes = torch.tensor([image.shape[-2:] for image in images])
    parameters = sample_parameters(sizes, distribution, generator=generator)
    return apply_parameters(images, parameters, distribution, mean=mean, std=std)


def apply_parameters(
    images: Tensor | Sequence[Tensor],
    parameters: ViewParameters,
    distribution: ViewDistribution,
    *,
    mean: Tensor | None = None,
    std: Tensor | None = None,
) -> Tensor:
    """Return the views for given parameters: crop, flip, colours, grey, blur, solarize.

    On a CPU, it uses torch's number of threads.

    Args:
        images: ``[B, 3, H, W]`` RGB, or B images ``[3, H, W]`` of different sizes; uint8.
        parameters: Parameters of the B samples.
        distribution: Gives the size and the solarization threshold.
        mean: Mean of each channel, ``[3]``, for values of 0 to 1; None does not subtract it.
        std: Standard deviation of each channel, ``[3]``; None does not divide by it.

    Returns:
        ``[B, 3, h, w]`` float32 on the device of ``images``; 0 to 1 without ``mean`` and ``std``.

    Raises:
        ValueError: ``images`` is not a batch of RGB images, or the numbers of images and parameters
            differ.
    """
    kinds = {(tuple(image.shape), image.dtype) for image in images}
    for shape, dtype in kinds:
        if len(shape) != 3 or shape[0] != 3 or dtype != torch.uint8:
            raise ValueError(f"an image is {dtype} {shape}, not uint8 [3, H, W]")
    batch = len(images)
    if len(parameters.crops) != batch:
        raise ValueError(f"{len(parameters.crops)} parameters for {batch} images")
    height, width = distribution.size
    device = images[0].device if batch else torch.device("cpu")
    mean = torch.zeros(3, device=device) if mean is None else mean
    std = torch.ones(3, device=device) if std is None else std

    def make(part: slice) -> Tensor:
        view = _apply(images[part], parameters, part, distribution)
        return view.sub_(mean.view(3, 1, 1)).div_(std.view(3, 1, 1))

    if device.type != "cpu":
        return make(slice(None)).contiguous()
    if not isinstance(images, Tensor) or height * width > SMALL:
        return _one_by_one(images, parameters, distribution, mean, std)
    at_once = PIXELS_AT_ONCE // (height * width)
    view = torch.empty(batch, 3, height, width)  # [B, 3, h, w]

    def put(start: int) -> None:
        part = slice(start, start + at_once)
        view[part] = make(part)

    _on_all_threads(put, range(0, batch, at_once))
    return view


def _one_by_one(
    images: Tensor | Sequence[Tensor],
    parameters: ViewParameters,
    distribution: ViewDistribution,
    mean: Tensor,
    std: Tensor,
) -> Tensor:
    """Return the views from OpenCV, channels last in memory."""
    height, width = distribution.size
    lines = torch.empty(len(images), height, width * 3)  # [B, h, w*3]
    factor = (1 / (255 * std)).repeat(width)  # [w*3]
    shift = (-mean / std).repeat(width)  # [w*3]

    def put(one: int) -> None:
        pixels = _make_one(images[one], parameters, one, distribution)  # [h, w, 3]
        torch.addcmul(shift, torch.from_numpy(pixels).view(height, -1), factor, out=lines[one])

    _on_all_threads(put, range(len(images)))
    return lines.view(-1, height, width, 3).permute(0, 3, 1, 2)  # [B, 3, h, w]


def _make_one(
    image: Tensor, parameters: ViewParameters, one: int, distribution: ViewDistribution
) -> opencv.Pixels:
    top, left, height, width = parameters.crops[one].tolist()
    mirror, size = bool(parameters.flips[one]), distribution.size
    pixels = opencv.crop_and_resize(image, (top, left, height, width), mirror, size)
    factors = parameters.factors[one].tolist()
    for which in parameters.order:
        if factors[which] != IDENTITY[which]:
            pixels = opencv.COLOUR_CHANGES[which](pixels, factors[which])
    if parameters.grays[one]:
        pixels = opencv.grayscale(pixels)
    if parameters.sigmas[one] > 0:
        pixels = opencv.gaussian_blur(pixels, float(parameters.sigmas[one]))
    if parameters.solarized[one]:
        pixels = opencv.solarize(pixels, distribution.solarize_threshold)
    return pixels


def _on_all_threads(work: Callable[[int], None], items: Sequence[int]) -> None:
    """Run ``work`` on the items in parallel, each with a single-threaded torch.

    A view has about a hundred short operations, for which torch's own threads are slower than one.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # new threads inherit this number
    try:
        if min(threads, len(items)) < 2:
            list(map(work, items))
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(work, items))
    finally:
        torch.set_num_threads(threads)


def _apply(
    images: Tensor | Sequence[Tensor],
    parameters: ViewParameters,
    part: slice,
    distribution: ViewDistribution,
) -> Tensor:
    view = crop_and_resize(
        images, parameters.crops[part], parameters.flips[part], size=distribution.size
    )  # [B, 3, h, w]
    device = view.device
    factors = parameters.factors[part]
    for which in parameters.order:
        if (factors[:, which] != IDENTITY[which]).any():
            view = COLOUR_CHANGES[which](view, factors[:, which].to(device))
    view = _on_subset(view, parameters.grays[part], lambda some, _: colour.grayscale(some))
    view = _on_subset(view, parameters.sigmas[part], gaussian_blur)
    return _on_subset(
        view,
        parameters.solarized[part],
        lambda some, _: colour.solarize(some, distribution.solarize_threshold),
    )


def _on_subset(
    images: Tensor, values: Tensor, change: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Apply ``change`` to the samples with a non-zero value; it may modify ``images``."""
    chosen = values.nonzero().flatten()  # on the CPU, without synchronisation
    if len(chosen) == 0:
        return images
    values = values[chosen].to(images.device)
    if len(chosen) == len(images):
        return change(images, values)
    index = chosen.to(images.device)
    return images.index_copy_(0, index, change(images.index_select(0, index), values))
