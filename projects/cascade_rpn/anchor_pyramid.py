"""The anchors of a batch, and which of them are inside their image.

Legend::

    N, H, W   images, height and width of a level
    A         anchors at each cell
    L         anchors of all levels, finest first, cells row by row, anchors of a cell adjacent
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from projects.cascade_rpn.region_targets import Levels


class AnchorPyramid(NamedTuple):
    """The anchors of all images and levels."""

    levels: Levels
    anchors: Tensor  # [N, L, 4] in pixels
    valid: Tensor  # [N, L], whether the cell is inside its image, not in the padding of the batch
    image_sizes: Tensor  # [N, 2] (height, width) in pixels
    per_level: list[int]  # number of anchors


def lay_anchors(
    generator: Any,
    anchor_sizes: Sequence[float],
    maps: Sequence[Tensor],
    image_sizes: Sequence[tuple[int, int]] | None,
) -> AnchorPyramid:
    """Return the anchors of an ``AnchorGenerator`` of MMDetection for all maps of a pyramid.

    ``anchor_sizes`` are from :func:`measure_anchors`; ``image_sizes`` are (height, width), by
    default the extent of the finest map.

    Raises:
        ValueError: the numbers of maps and strides differ, or the levels have different numbers of
            anchors at a cell.
    """
    sizes = [(level.shape[2], level.shape[3]) for level in maps]
    if len(sizes) != generator.num_levels:
        raise ValueError(
            f"the neck has {len(sizes)} levels, but anchor_generator.strides has "
            f"{generator.num_levels}"
        )
    if len(set(generator.num_base_priors)) != 1:
        raise ValueError(
            f"anchor_generator has {generator.num_base_priors} anchors at a cell of each level; "
            "use the same number of scales and ratios for every level"
        )
    N, device = maps[0].shape[0], maps[0].device
    strides = [(float(x), float(y)) for x, y in generator.strides]
    if image_sizes is None:
        image_sizes = [(round(sizes[0][0] * strides[0][1]), round(sizes[0][1] * strides[0][0]))] * N
    anchors = generator.grid_priors(sizes, device=device)
    valid = [torch.cat(generator.valid_flags(sizes, size, device)) for size in image_sizes]
    return AnchorPyramid(
        Levels(sizes, strides, anchor_sizes, generator.center_offset),
        torch.cat(anchors).expand(N, -1, 4),
        torch.stack(valid),
        torch.tensor(image_sizes, device=device),
        [len(anchor) for anchor in anchors],
    )


def measure_anchors(generator: Any) -> list[float]:
    """Return for each level the side of a square with the mean area of its anchors, in pixels.

    Raises:
        ValueError: the width or height of an anchor is not positive.
    """
    sizes = []
    for level, anchors in enumerate(generator.base_anchors):  # [A, 4] each
        sides = anchors[:, 2:] - anchors[:, :2]
        if not (sides > 0).all():
            raise ValueError(
                f"anchor_generator: an anchor of level {level} is empty: {anchors.tolist()}. Use "
                "positive scales, ratios and strides"
            )
        sizes.append(sides.prod(1).mean().sqrt().item())
    return sizes
