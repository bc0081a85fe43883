"""One view a sample with torchvision's own operations, one sample after the other."""

import math
from collections.abc import Sequence

import torch
from torchvision.transforms.v2 import functional as tv

from mmdense.data.views.parameters import ViewDistribution, ViewParameters


def view_loop(
    images: Sequence[torch.Tensor], parameters: ViewParameters, distribution: ViewDistribution
) -> torch.Tensor:
    """B of uint8 [3, H, W] to [B, 3, h, w] float32 from 0 to 1."""
    changes = (tv.adjust_brightness, tv.adjust_contrast, tv.adjust_saturation, tv.adjust_hue)
    views = []
    for i, image in enumerate(images):
        top, left, height, width = parameters.crops[i].tolist()
        view = image.float() / 255
        view = tv.resized_crop(
            view, top, left, height, width, list(distribution.size), antialias=True
        )
        if parameters.flips[i]:
            view = tv.horizontal_flip(view)
        for which in parameters.order:
            view = changes[which](view, parameters.factors[i, which].item())
        if parameters.grays[i]:
            view = tv.rgb_to_grayscale(view, num_output_channels=3)
        if parameters.sigmas[i] > 0:
            sigma = parameters.sigmas[i].item()
            view = tv.gaussian_blur(view, 2 * math.ceil(3 * sigma) + 1, [sigma, sigma])
        if parameters.solarized[i]:
            view = tv.solarize(view, distribution.solarize_threshold)
        views.append(view)
    return torch.stack(views)
