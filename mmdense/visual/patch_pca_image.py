"""Images beside the first three principal components of their features, as colours."""

import numpy as np
from torch import Tensor, nn

from mmdense.visual.chosen_images import ImageSource, evenly_spaced, network_input
from mmdense.visual.drawn import Drawn
from mmdense.visual.feature_maps import feature_map
from mmdense.visual.grid import Cell, draw_grid, fitted, side_by_side
from mmdense.visual.patch_pca import patch_pca

__all__ = ["draw_patch_pca"]

_IMAGES, _PAIRS = 9, 3  # images, and pairs of a row


def draw_patch_pca(backbone: nn.Module, preprocess: nn.Module, source: ImageSource) -> Drawn:
    """Draw the components of the last feature map, after DINOv2 (arXiv:2304.07193, figure 1).

    Args:
        backbone: In eval mode.
        preprocess: Normalises images for it.
        source: Its images.

    Raises:
        NothingToDraw: The backbone gives no maps.
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
        f"The last {tokens} of the backbone, {type(backbone).__name__}, with {len(maps[0])} "
        f"channels, on {source.describe(len(maps))}. Red, green and blue are the first three "
        f"principal components over all of these images together; they hold {percent[0]}, "
        f"{percent[1]} and {percent[2]} of the variance. Look for objects that differ from "
        "their surroundings, and for one colour on like things in different images. One colour "
        "everywhere, or a pattern that is the same in every image, shows that the features hold "
        "little of the content. After DINOv2 (arXiv:2304.07193); unlike there, no "
        "background is cut off."
    )
