"""From the boxes of a stage to proposals: the best of each level, decoded, clipped, filtered.

Legend::

    N   images
    L   boxes of all levels
    T   boxes kept before NMS, of all levels
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Candidates(NamedTuple):
    """The best boxes of every level, before NMS.

    Attributes:
        boxes: [N, T, 4] in pixels of the input, clipped to the image.
        scores: [N, T], -1 where the level had fewer boxes in the image.
        levels: [T] level of each place.
    """

    boxes: Tensor
    scores: Tensor
    levels: Tensor


def top_n_of_levels(
    scores: Tensor,
    boxes: Tensor,
    deltas: Tensor,
    valid: Tensor,
    *,
    per_level: Sequence[int],
    limit: int,
    decode: Callable[[Tensor, Tensor], Tensor],
    image_sizes: Tensor,
) -> Candidates:
    """Keep the best boxes of each level and decode those only.

    Args:
        scores: [N, L] probabilities.
        boxes: [N, L, 4] that the deltas refer to.
        deltas: [N, L, 4].
        valid: [N, L] whether the box belongs to a cell of the image; those of the padding that
            a batch of mixed sizes has never come out.
        per_level: boxes of each level; their sum is L.
        limit: boxes kept of each level, at most; all if it is not positive.
        decode: moves boxes by deltas.
        image_sizes: [N, 2] (height, width) of each image in pixels.
    """
    scores = torch.where(valid, scores, -1)
    kept, levels, first = [], [], 0
    for level, number in enumerate(per_level):
        size = min(number, limit) if limit > 0 else number
        of_level = scores[:, first : first + number]
        kept.append(of_level.topk(size, dim=1).indices + first)  # [N, size]
        levels.append(torch.full((size,), level, device=scores.device))
        first += number
    place = torch.cat(kept, dim=1)  # [N, T]
    places = place.unsqueeze(-1).expand(-1, -1, 4)  # [N, T, 4]
    moved = decode(boxes.gather(1, places), deltas.gather(1, places))
    return Candidates(
        clip_boxes_to_images(moved, image_sizes), scores.gather(1, place), torch.cat(levels)
    )


def clip_boxes_to_images(boxes: Tensor, image_sizes: Tensor) -> Tensor:
    """Clip boxes [N, ..., 4] to their images of [N, 2] (height, width).

    torchvision's ``clip_boxes_to_image`` for a batch, whose images have sizes of their own.
    """
    limit = image_sizes.to(boxes.dtype).flip(1).repeat(1, 2)  # [N, 4]
    limit = limit.view(len(limit), *[1] * (boxes.ndim - 2), 4)
    return torch.minimum(boxes.clamp(min=0), limit)


def filter_proposals(
    candidates: Candidates,
    *,
    suppress: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]],
    min_bbox_size: float,
    max_per_img: int,
) -> list[Tensor]:
    """Suppress near duplicates within each level, and keep the best of all levels.

    As the method of torchvision's ``RegionProposalNetwork``, with MMDetection's limit: a box must
    exceed ``min_bbox_size``, where ``remove_small_boxes`` keeps an equal one. Candidates that are
    not finite are left out.

    Args:
        candidates: of all images.
        suppress: NMS, from boxes [n, 4], scores [n] and levels [n] to ``(x1, y1, x2, y2, score)``
            [p, 5], best first, and their places [p], as mmcv's ``batched_nms``.
        min_bbox_size: width and height that a proposal must exceed, in pixels of the input.
        max_per_img: proposals kept of each image, at most.

    Returns:
        [p, 5] for each image, best first.
    """
    results = []
    for boxes, scores in zip(candidates.boxes, candidates.scores, strict=True):
        sides = boxes[:, 2:] - boxes[:, :2]  # [T, 2]
        good = (sides > min_bbox_size).all(1) & (scores >= 0) & boxes.isfinite().all(1)
        if not good.any():  # mmcv's NMS wants at least one
            results.append(boxes.new_zeros(0, 5))
            continue
        kept, _ = suppress(boxes[good], scores[good], candidates.levels[good])
        results.append(kept[:max_per_img])
    return results


def finite_images(candidates: Candidates) -> Tensor:
    """Tell the images [N] whose candidates are all finite."""
    return (candidates.boxes.isfinite().all(-1) & candidates.scores.isfinite()).all(1)


def check_settings(cfg: Mapping[str, Any] | None) -> None:
    """Refuse settings of proposals that lack a key, before any are made.

    Raises:
        ValueError: ``nms_pre``, ``nms`` or ``max_per_img`` is missing.
    """
    if missing := {"nms_pre", "nms", "max_per_img"} - set(cfg or {}):
        raise ValueError(
            "proposals need nms_pre, nms and max_per_img in test_cfg.rpn, or for training in "
            f"train_cfg.rpn_proposal; missing: {', '.join(sorted(missing))}"
        )
