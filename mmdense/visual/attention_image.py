"""Image of the attention in the last block of a vision transformer, for each head.

Letters: h heads, H and W positions of the patches.
"""

from __future__ import annotations

import cv2
import matplotlib
import numpy as np
from torch import nn

from mmdense.evaluation.dense.last_attention import NoAttentionError, last_queries_and_keys
from mmdense.visual.attention import class_attention
from mmdense.visual.chosen_images import ChosenImage, ImageSource, network_input
from mmdense.visual.drawn import Drawn, NothingToDraw
from mmdense.visual.grid import Cell, draw_grid, faded, fitted

_IMAGES, _HEADS = 6, 12  # maximum numbers
_COLUMNS = 8  # maximum number of columns in a row with several images
_COVER = 0.65  # opacity of the colours over the image


def draw_attention(backbone: nn.Module, preprocess: nn.Module, source: ImageSource) -> Drawn:
    """Draw the attention of the class token over the patches, after DINO (arXiv:2104.14294).

    The backbone is in eval mode.

    Raises:
        NothingToDraw: The backbone is not a supported vision transformer.
    """
    images = source.spread(_IMAGES)
    planes: list[np.ndarray] = []
    for image in images:
        try:
            found = last_queries_and_keys(backbone, network_input([image], preprocess))
        except NoAttentionError as reason:
            raise NothingToDraw(str(reason)) from reason
        weights = class_attention(found.queries[0], found.keys[0], extra=found.extra)  # [h, H W]
        planes.append(weights.unflatten(1, found.grid).cpu().numpy())  # [h, H, W]
    heads, patches = len(planes[0]), planes[0][0].size
    headings = ["image", *(f"head {number + 1}" for number in range(min(heads, _HEADS)))]
    columns = len(headings) * max(1, _COLUMNS // len(headings))
    cells = [
        cell
        for image, plane in zip(images, planes)
        for cell in _cells(image, plane[:_HEADS], columns)
    ]
    sheet = draw_grid(cells, columns, headings)
    asking = "the class token" if found.extra else "the mean query of the patches (no class token)"
    shown = (
        f"the first {_HEADS} of its {heads} heads"
        if heads > _HEADS
        else f"its {heads} head" + "s" * (heads > 1)
    )
    caption = (
        f"Attention of {asking} over the patches in the last block of the backbone, "
        f"{type(backbone).__name__}: {shown} side by side, on {source.describe(len(images))}. "
        "Yellow is the maximum of a head over the patches of an image; its value is printed below. "
        f"Dark violet is no attention. Uniform attention over {patches} patches would be "
        f"{100 / patches:.1f} % each. In a well-trained model, heads attend to objects or to their "
        "parts. A head with uniform attention has not specialised. As in DINO (arXiv:2104.14294, "
        "figure 1)."
    )
    return Drawn(sheet, "Attention of the last block", caption)


def _cells(image: ChosenImage, planes: np.ndarray, columns: int) -> list[Cell]:
    """Return the image, and the attention of each head over it; planes are [h, H, W]."""
    shown = fitted(image.image, columns)
    cells = [Cell(shown, (image.name,))]
    for plane in planes:
        strength = plane / max(plane.max(), 1e-12)
        colours = matplotlib.colormaps["viridis"](strength, bytes=True)[..., :3]  # [H, W, 3]
        heat = fitted(colours, columns, like=image.image.shape)
        mixed = cv2.addWeighted(heat, _COVER, faded(shown), 1 - _COVER, 0)
        cells.append(Cell(mixed, (f"maximum {100 * plane.max():.1f} %",)))
    return cells
