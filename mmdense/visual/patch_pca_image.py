"""Image of the first three principal components of features as colours."""

import numpy as np
from torch import nn

from mmdense.visual.chosen_images import ImageSource, network_input
from mmdense.visual.drawn import Drawn
from mmdense.visual.feature_maps import feature_map
from mmdense.visual.grid import Cell, draw_grid, fitted
from mmdense.visual.patch_pca import patch_pca

_IMAGES, _PAIRS = 9, 3  # number of images, and of pairs in a row


def draw_patch_pca(backbone: nn.Module, preprocess: nn.Module, source: ImageSource) -> Drawn:
    """Draw the components of the last feature map, as in DINOv2 (arXiv:2304.07193, figure 1).

    The backbone is in eval mode.

    Raises:
        NothingToDraw: The backbone returns no maps.
        ValueError: A feature is NaN or infinite.
    """
    images = source.spread(_IMAGES)
    maps = [feature_map(backbone, network_input([image], preprocess))[0].cpu() for image in images]
    colours, shares = patch_pca(maps)
    cells = []
    for image, colour in zip(images, colours):
        plane = (colour.numpy() * 255).round().astype(np.uint8)
        stretched = fitted(plane, 2 * _PAIRS, like=image.image.shape)
        grid = f"{plane.shape[1]} x {plane.shape[0]} positions"
        cells += [Cell(fitted(image.image, 2 * _PAIRS), (image.name,)), Cell(stretched, (grid,))]
    sheet = draw_grid(cells, 2 * _PAIRS, ["image", "features"])
    tokens = "patch tokens" if hasattr(backbone, "patch_embed") else "feature map"
    percent = [f"{100 * float(share):.0f} %" for share in shares]
    caption = (
        f"The last {tokens} of the backbone ({type(backbone).__name__}, {len(maps[0])} channels) "
        f"on {source.describe(len(maps))}. Red, green and blue are the first three principal "
        f"components over all of these images, with {percent[0]}, {percent[1]} and {percent[2]} of "
        "the variance. In a well-trained model, objects differ in colour from the background, and "
        "similar objects in different images have the same colour. A uniform colour, or the same "
        "pattern in every image, shows that the features contain little information on the image. "
        "As in DINOv2 (arXiv:2304.07193), but the background is not removed."
    )
    return Drawn(sheet, "Principal components of the features", caption)
