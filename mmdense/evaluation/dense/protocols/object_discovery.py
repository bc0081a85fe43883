"""LOST: one object in each image, from the similarities of its patches.

Siméoni et al. 2021, "Localizing Objects with Self-Supervised Transformers and no Labels"
(arXiv:2109.14279), section 3. Two patches correlate positively if the dot product of their features
is not negative.

1. The *seed* is the patch that correlates positively with the fewest patches.
2. Of the k patches with the fewest positive correlations, those that correlate positively with the
   seed are the *expansion*.
3. The patches whose mean dot product with the expansion is not negative are the mask.
4. The object is the connected component of the mask that contains the seed.

Letters: B images, H x W = N patches, D channels.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmdense.ops.nms import pairwise_iou

_SIMILARITIES = 2**24  # dot products at a time: 64 MiB in float32


class Discovered(NamedTuple):
    """One object in each image.

    Attributes:
        seeds: Index of the seed patch, row by row. [B]
        masks: Patches of the object. [B, H, W]
        boxes: x1, y1, x2, y2 of the object in patches; x2 and y2 are exclusive. [B, 4]
    """

    seeds: Tensor
    masks: Tensor
    boxes: Tensor


@torch.no_grad()
def discover_objects(features: Tensor, grid: tuple[int, int], *, k: int = 100) -> Discovered:
    """Return the object that LOST finds in each image.

    Among patches with equally many positive correlations, the first is the seed. Needs 64 MiB for
    dot products, or the memory of one image's.

    Args:
        features: Features of the patches, row by row; they are not normalised. [B, N, D]
        grid: H and W.
        k: Number of patches with the fewest positive correlations; at most all are used.

    Raises:
        ValueError: Shapes do not match, k is not positive, or a feature is NaN or infinite.
    """
    if features.ndim != 3 or features.shape[1] != grid[0] * grid[1] or not features.shape[1]:
        raise ValueError(
            f"features must be [B, {grid[0]} * {grid[1]}, D], found {tuple(features.shape)}"
        )
    if k < 1:
        raise ValueError(f"k must be positive, found {k}")
    if not features.isfinite().all():
        raise ValueError("features contain NaN or infinity")
    chunk = max(1, _SIMILARITIES // features.shape[1] ** 2)
    degrees = torch.cat([_degrees(part) for part in features.split(chunk)])  # [B, N]
    order = degrees.argsort(dim=1, stable=True)  # [B, N]
    seeds = order[:, 0]
    lowest = _rows(features, order[:, :k])  # [B, k, D]
    of_seed = _rows(features, seeds[:, None])  # [B, 1, D]
    expansion = (lowest @ of_seed.transpose(1, 2)) >= 0  # [B, k, 1]
    mean = (lowest * expansion).mean(dim=1, keepdim=True)  # [B, 1, D], up to a positive factor
    masks = (features @ mean.transpose(1, 2)).squeeze(2) >= 0  # [B, N]
    masks.scatter_(1, seeds[:, None], True)  # true up to rounding
    masks = component_of(masks.unflatten(1, grid), seeds)
    return Discovered(seeds, masks, boxes_of(masks))


def component_of(masks: Tensor, seeds: Tensor) -> Tensor:
    """Return the connected component of each mask that contains the seed; 4 neighbours.

    Args:
        masks: [B, H, W]
        seeds: Indices of patches in their masks, row by row. [B]

    Returns:
        bool [B, H, W]
    """
    reached = torch.zeros_like(masks).flatten(1).scatter_(1, seeds[:, None], True)
    reached = reached.view_as(masks)
    while True:
        plane = reached.float()
        tall = F.max_pool2d(plane, (3, 1), 1, (1, 0))
        wide = F.max_pool2d(plane, (1, 3), 1, (0, 1))
        grown = (torch.maximum(tall, wide) > 0) & masks  # [B, H, W]
        if torch.equal(grown, reached):
            return reached
        reached = grown


def boxes_of(masks: Tensor) -> Tensor:
    """Return the box around each mask, x1, y1, x2, y2 with exclusive ends, int64 [B, 4].

    Masks are [B, H, W] and not empty.
    """
    sides = []
    for across in (1, 2):  # columns, then rows
        occupied = masks.any(dim=across).long()  # [B, W] or [B, H]
        first = occupied.argmax(dim=1)
        end = occupied.shape[1] - occupied.flip(1).argmax(dim=1)
        sides.append((first, end))
    (x1, x2), (y1, y2) = sides
    return torch.stack([x1, y1, x2, y2], dim=1)


def localised(boxes: Tensor, objects: list[Tensor], *, threshold: float = 0.5) -> Tensor:
    """Return for each image whether its box has the IoU ``threshold`` with any annotated object.

    CorLoc is the mean of these values over the images with objects.

    Args:
        boxes: x1, y1, x2, y2, one for each image. [B, 4]
        objects: Annotated boxes of each image, in the same coordinates. B tensors [M, 4], M >= 0
        threshold: Minimum IoU, included.

    Returns:
        bool [B]; False for images without objects.

    Raises:
        ValueError: The numbers of images differ.
    """
    if len(boxes) != len(objects):
        raise ValueError(f"found boxes of {len(boxes)} and objects of {len(objects)} images")
    found = [
        bool((pairwise_iou(box[None].float(), annotated.float()) >= threshold).any())
        for box, annotated in zip(boxes, objects)
    ]
    return torch.tensor(found, dtype=torch.bool)


def _degrees(features: Tensor) -> Tensor:
    """Numbers of positive correlations, [B, N], of features [B, N, D]."""
    return (features @ features.transpose(1, 2) >= 0).sum(dim=2)


def _rows(features: Tensor, index: Tensor) -> Tensor:
    """Rows [B, k, D] of features [B, N, D] at indices [B, k]."""
    return features.gather(1, index[:, :, None].expand(-1, -1, features.shape[2]))
