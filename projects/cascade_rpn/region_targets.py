"""Anchor-free assignment of the first stage: cells near the centre of an object are positive.

Source: Wang et al., Guided Anchoring (2019), section 3.5; Cascade RPN uses it in its first stage.
An object belongs to the level whose anchors have the nearest size. On that level, the cells of its
centre region are positive and those of the ignore region around it are ignored. On the two adjacent
levels, the cells of its ignore region are ignored.

Differences from the published code, which `compat=True` restores:

* a positive cell stays positive in any ignore region;
* a cell in two centre regions belongs to the smaller object, for any order of the objects;
* regions are clamped to the last cell of the image, so an object at the far edge has a cell, also
  in a batch with padding.

Only cells in regions are written: the cells of all rectangles, of all objects, images and levels,
are one list that is written by one scatter.

Legend::

    N    images of the batch
    G    objects of all images
    l    levels
    L    cells of all levels, finest first, each level row by row
    A    boxes at each cell
    R    rectangles, some for each object
    T    cells of all rectangles
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

IGNORED = -1
NEGATIVE = 0


class Levels(NamedTuple):
    """The cells of a pyramid, finest level first."""

    sizes: Sequence[tuple[int, int]]  # (height, width) in cells
    strides: Sequence[tuple[float, float]]  # (x, y) distance of adjacent cells in pixels
    anchor_sizes: Sequence[float]  # side of a square with the area of the anchors, in pixels
    center_offset: float = 0.0  # position of the centre of cell 0, in strides


class Rectangles(NamedTuple):
    """Cells ``left <= column <= right``, ``top <= row <= bottom`` on a level, all [R] int64."""

    left: Tensor
    top: Tensor
    right: Tensor
    bottom: Tensor
    level: Tensor
    image: Tensor


def region_targets(
    boxes: Tensor,
    image: Tensor,
    levels: Levels,
    *,
    num_images: int,
    cells: Tensor | None = None,
    center_ratio: float = 0.2,
    ignore_ratio: float = 0.5,
    compat: bool = False,
) -> Tensor:
    """Return the target object of each cell.

    Args:
        boxes: [G, 4] objects in pixels. One without area, or outside the map, has no cells.
        image: [G] image of each object.
        levels: the pyramid.
        num_images: N.
        cells: [N, l, 2] (rows, columns) of each image, see :func:`image_cells`; default: those of
            the map.
        center_ratio: size of the centre region, as a fraction of the object.
        ignore_ratio: size of the ignore region, as a fraction of the object.
        compat: follow the published code (see the top of the file): the later object wins, and
            ignore regions of adjacent levels erase positives.

    Returns:
        [N, L] int64: ``i + 1`` for object i of all G, 0 for negative, -1 for ignored.
    """
    total = num_images * _starts(levels)[-1]
    if boxes.shape[0] == 0:
        return image.new_zeros(num_images, total // num_images)
    level = object_levels(boxes, levels)  # [G]
    if cells is None:
        cells = torch.tensor(levels.sizes, device=boxes.device).expand(num_images, -1, 2)
    centers = _regions(boxes, image, level, levels, cells, center_ratio, compat)
    ignores = [
        _regions(boxes, image, level + step, levels, cells, ignore_ratio, compat)
        for step in (0, -1, 1)
    ]
    G = boxes.shape[0]
    rank = torch.arange(1, G + 1, device=boxes.device) if compat else _rank_by_size(boxes)  # [G]
    # The highest code of a cell counts: even for centre regions, odd for ignore regions. By default
    # all ignore regions are below all centres. In the published code, the ignore region on the own
    # level is just below the centre region, and those on adjacent levels are above all.
    center_code = 2 * rank
    own_code = center_code - 1 if compat else torch.ones_like(rank)
    beside_code = torch.full_like(rank, 2 * G + 1) if compat else own_code
    rectangles = Rectangles(*(torch.cat(part) for part in zip(*ignores, centers)))  # [4 * G]
    codes = torch.cat((own_code, beside_code, beside_code, center_code))  # [4 * G]
    place, rectangle = _list_cells(rectangles, levels)  # [T], [T]
    code = codes.new_zeros(total).scatter_reduce_(0, place, codes[rectangle], "amax")
    owner = torch.empty_like(rank).scatter_(0, rank - 1, torch.arange(G, device=boxes.device))
    target = torch.where(code % 2 == 0, owner[(code // 2 - 1).clamp(min=0)] + 1, IGNORED)
    return torch.where(code == 0, NEGATIVE, target).view(num_images, -1)


def image_cells(valid: Tensor, levels: Levels) -> Tensor:
    """Return the rows and columns of cells of each image on each level, at least one, [N, l, 2].

    ``valid`` [N, L * A] is whether boxes are inside the image; these are a rectangle that starts at
    the first cell.
    """
    A = valid.shape[1] // _starts(levels)[-1]
    parts = valid.split([height * width * A for height, width in levels.sizes], dim=1)
    counts = []
    for part, (height, width) in zip(parts, levels.sizes, strict=True):
        grid = part.view(-1, height, width, A).any(3)  # [N, H, W]
        counts.append(torch.stack((grid.any(2).sum(1), grid.any(1).sum(1)), dim=1))  # [N, 2]
    return torch.stack(counts, dim=1).clamp(min=1)


def cells_inside(boxes: Tensor, image: Tensor, levels: Levels, *, num_images: int) -> Tensor:
    """Return whether the centre of each cell is inside one of the regions, [N, L] bool.

    ``boxes`` are [G, 4] in pixels, borders included; ``image`` [G] is the image of each.
    """
    inside = torch.zeros(num_images, _starts(levels)[-1], dtype=torch.bool, device=boxes.device)
    if boxes.shape[0] == 0:
        return inside
    parts = []
    for index in range(len(levels.sizes)):
        level = torch.full_like(image, index)
        left, top, right, bottom = _to_cells(boxes.nan_to_num(-1e9), level, levels).unbind(1)
        height, width = levels.sizes[index]  # Python numbers, independent of the device
        rectangle = (
            left.ceil().clamp(min=0),
            top.ceil().clamp(min=0),
            right.floor().clamp(max=width - 1),
            bottom.floor().clamp(max=height - 1),
        )
        parts.append((*(edge.long() for edge in rectangle), level, image))
    rectangles = Rectangles(*(torch.cat(part) for part in zip(*parts)))
    inside.view(-1)[_list_cells(rectangles, levels)[0]] = True
    return inside


def object_levels(boxes: Tensor, levels: Levels) -> Tensor:
    """Return the level of each object [G]: that with the nearest anchor size, on a log scale."""
    size = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1).sqrt()  # [G]
    anchors = boxes.new_tensor(levels.anchor_sizes)  # [l]
    between = (anchors[:-1] * anchors[1:]).sqrt()  # [l - 1]
    return torch.bucketize(size, between, right=True)


def _list_cells(rectangles: Rectangles, levels: Levels) -> tuple[Tensor, Tensor]:
    """Cells of all rectangles [T], counted over all levels of an image; the rectangle of each."""
    starts = _starts(levels)
    device = rectangles.left.device
    widths = (rectangles.right - rectangles.left + 1).clamp(min=0)  # [R]
    heights = (rectangles.bottom - rectangles.top + 1).clamp(min=0)  # [R]
    count = widths * heights  # [R]
    rectangle = torch.repeat_interleave(count)  # [T], the only synchronisation with the device
    number = torch.arange(len(rectangle), device=device) - (count.cumsum(0) - count)[rectangle]
    width = widths[rectangle]
    level = rectangles.level.clamp(0, len(levels.sizes) - 1)
    map_width = torch.tensor([size[1] for size in levels.sizes], device=device)[level]  # [R]
    first = torch.tensor(starts[:-1], device=device)[level] + rectangles.image * starts[-1]  # [R]
    first = first + rectangles.top * map_width + rectangles.left
    cells = first[rectangle] + number // width * map_width[rectangle] + number % width
    return cells, rectangle


def _regions(
    boxes: Tensor,
    image: Tensor,
    level: Tensor,
    levels: Levels,
    cells: Tensor,
    ratio: float,
    compat: bool,
) -> Rectangles:
    """Centre part of each box in cells; empty if the level does not exist or the box is empty."""
    exists = (level >= 0) & (level < len(levels.sizes))  # [G]
    level = level.clamp(0, len(levels.sizes) - 1)
    box = _to_cells(boxes, level, levels)  # [G, 4]
    limit = cells[image, level].flip(1) - 1  # [G, 2], (x, y)
    margin = (1 - ratio) / 2
    low, high = box[:, :2], box[:, 2:]
    first = ((1 - margin) * low + margin * high).round()  # [G, 2]
    last = (margin * low + (1 - margin) * high).round()  # [G, 2]
    exists = exists & (first.isfinite() & last.isfinite()).all(1)
    if compat:
        first, last = first.clamp(min=0), torch.minimum(last.clamp(min=0), limit)
    else:
        offset = levels.center_offset
        in_image = (high > -offset) & (low < limit + 1 - offset)  # [G, 2]
        exists = exists & ((high > low) & in_image).all(1)
        first = torch.minimum(first.clamp(min=0), limit)
        last = torch.minimum(last.clamp(min=0), limit)
    left, top = first.nan_to_num(0).long().unbind(1)
    right, bottom = last.nan_to_num(0).long().unbind(1)
    return Rectangles(left, top, torch.where(exists, right, left - 1), bottom, level, image)


def _to_cells(boxes: Tensor, level: Tensor, levels: Levels) -> Tensor:
    """Boxes [G, 4] in cells of their levels; the centre of cell i is at i."""
    strides = boxes.new_tensor(levels.strides)[level].repeat(1, 2)  # [G, 4]
    return boxes / strides - levels.center_offset


def _rank_by_size(boxes: Tensor) -> Tensor:
    """Rank of each box from 1 (largest) to G (smallest) [G]; by coordinates for equal areas."""
    order = torch.arange(boxes.shape[0], device=boxes.device)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1, keepdim=True)  # [G, 1]
    for key in torch.cat((boxes, -area), dim=1).unbind(1):  # the last key is the most significant
        order = order[torch.sort(key[order], stable=True).indices]
    return torch.empty_like(order).scatter_(0, order, torch.arange(1, len(order) + 1).to(order))


def _starts(levels: Levels) -> list[int]:
    """Index of the first cell of each level, and the number of all cells."""
    starts = [0]
    for height, width in levels.sizes:
        starts.append(starts[-1] + height * width)
    return starts
