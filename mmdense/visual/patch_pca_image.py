"""Image of the first three principal components of features as colours."""

import numpy as np
from torch import Tensor, nn

from mmdense.visual.chosen_images import ImageSource, evenly_spaced, network_input
from mmdense.visual.drawn import Drawn
from mmdense.visual.feature_maps import feature_map
from mmdense.visual.grid import Cell, draw_grid, fitted, side_by_side
from mmdense.visual.patch_pca import patch_pca

__all__ = ["draw_patch_pca"]

_IMAGES, _PAIRS = 9, 3  # number of images, and of pairs in a row


def draw_patch_pca(backbone: nn.Module, preprocess: nn.Module, source: ImageSource) -> Drawn:
    """Draw the components of the last feature map, as in DINOv2 (arXiv:2304.07193, figure 1).

    Args:
        backbone: In eval mode.
        preprocess: Normalises images.
        source: Images to draw.

    Raises:
        NothingToDraw: The backbone returns no maps.
        ValueError: A feature is NaN or infinite.
    """
    images = [source[index] for index in evenly_spaced(len(source), _IMAGES)]
    maps = [feature_map(backbone, network_input([image], preprocess))[0].cpu() for image in images]
    colours, shares = patch_pca(maps)
    pairs = []
    for image, colour in zip(images, colours):
        plane = (colour.numpy() * 255).round().astype(np.uint8)
        shown = fitted(image.picture, 2 * _PAIRS)
        stretched = fitted(plane, 2 * _PAIRS, like=image.picture.shape)
        grid = f"{plane.shape[1]} x {plane.shape[0]} positions"
        pairs.append([Cell(shown, (image.name,)), Cell(stretched, (grid,))])
    rows = side_by_side(pairs, _PAIRS)
    columns = min(_PAIRS, len(pairs))
    sheet = draw_grid(rows, ["image", "features"] * columns, group=2)
    return Drawn(
        sheet, "Principal components of the features", _caption(backbone, maps, shares, source)
    )


def _caption(backbone: nn.Module, maps: list[Tensor], shares: Tensor, source: ImageSource) -> str:
    tokens = "patch tokens" if hasattr(backbone, "patch_embed") else "feature map"
    percent = [f"{100 * float(share):.0f} %" for share in shares]
    return (
        f"The last {tokens} of the backbone ({type(backbone).__name__}, {len(maps[0])} channels) "
        f"on {source.describe(len(maps))}. Red, green and blue are the first three principal "
        f"components over all of these images, with {percent[0]}, {percent[1]} and {percent[2]} of "
        "the variance. In a well-trained model, objects differ in colour from the background, and "
        "similar objects in different images have the same colour. A uniform colour, or the same "
        "pattern in every image, shows that the features contain little information on the image. "
        "As in DINOv2 (arXiv:2304.07193), but the background is not removed."
    )
