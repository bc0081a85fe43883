"""From the boxes of a stage to proposals: top-k of each level, decoding, clipping, NMS.

Legend::

    N   images
    L   boxes of all levels
    T   boxes kept before NMS, of all levels
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Candidates(NamedTuple):
    """The best boxes of every level, before NMS."""

    boxes: Tensor  # [N, T, 4] in pixels of the input, clipped to the image
    scores: Tensor  # [N, T], -1 for boxes outside the image
    levels: Tensor  # [T]


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
    """Return the best boxes of each level, decoded.

    Args:
        scores: [N, L] probabilities.
        boxes: [N, L, 4] that the deltas refer to.
        deltas: [N, L, 4].
        valid: [N, L] whether the box belongs to a cell inside the image. Boxes in the padding of a
            batch never become proposals.
        per_level: number of boxes of each level; their sum is L.
        limit: maximum number of boxes of each level; no limit if it is not positive.
        decode: applies deltas to boxes.
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
    """Return boxes [N, ..., 4] clipped to their images of [N, 2] (height, width).

    Like ``clip_boxes_to_image`` of torchvision, for a batch of images with different sizes.
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
    """Return the proposals after NMS within each level.

    Like ``filter_proposals`` of ``RegionProposalNetwork`` in torchvision, except that a box must be
    larger than ``min_bbox_size``, as in MMDetection. Candidates with NaN or infinity are removed.

    Args:
        candidates: of all images.
        suppress: NMS, from boxes [n, 4], scores [n] and levels [n] to ``(x1, y1, x2, y2, score)``
            [p, 5], best first, and their indices [p], as ``batched_nms`` of mmcv.
        min_bbox_size: in pixels of the input.
        max_per_img: maximum number of proposals of each image.
    """
    results = []
    for boxes, scores in zip(candidates.boxes, candidates.scores, strict=True):
        sides = boxes[:, 2:] - boxes[:, :2]  # [T, 2]
        good = (sides > min_bbox_size).all(1) & (scores >= 0) & boxes.isfinite().all(1)
        if not good.any():  # the NMS of mmcv needs at least one
            results.append(boxes.new_zeros(0, 5))
            continue
        kept, _ = suppress(boxes[good], scores[good], candidates.levels[good])
        results.append(kept[:max_per_img])
    return results


def finite_images(candidates: Candidates) -> Tensor:
    """Return whether all candidates of each image are finite, [N]."""
    return (candidates.boxes.isfinite().all(-1) & candidates.scores.isfinite()).all(1)


def check_settings(cfg: Mapping[str, Any] | None) -> None:
    """Raise a ValueError if ``nms_pre``, ``nms`` or ``max_per_img`` is missing."""
    if missing := {"nms_pre", "nms", "max_per_img"} - set(cfg or {}):
        raise ValueError(
            f"missing {', '.join(sorted(missing))} in test_cfg.rpn (in training, in "
            "train_cfg.rpn_proposal); it needs nms_pre, nms and max_per_img"
        )
