"""Greedy non-maximum suppression: exact, without compiled code, without a loop over boxes.

Definition: visit the boxes in descending order of score, the lower index first among equal scores.
Keep a box unless its IoU with a box kept before it exceeds the threshold.

Three steps make this fast with operations on whole tensors:

1. Boxes whose x-intervals do not overlap cannot suppress each other. The boxes, sorted by left
   edge, are split into *strips* at every gap between all boxes before and all boxes after it. The
   classes of a detector, which MMDetection shifts apart, become separate strips.
2. In a block of the best boxes of a strip, the kept boxes are the only fixed point of "kept unless
   a better kept box overlaps". Each iteration from "all kept" decides at least one more box; a few
   iterations are usually enough.
3. The kept boxes of a block suppress later boxes of the strip in one operation. Suppressed boxes
   are removed from the strip.

The IoU is defined for every input: a box with zero, negative, NaN or infinite area has an IoU of
zero with all boxes, so it is kept and suppresses nothing. NaN scores come first, as in
``torch.sort``. Coordinates in half precision are compared in float32.

Legend::

    N   boxes
    n   boxes of a strip that are not suppressed
"""

from collections.abc import Callable

import torch
from torch import Tensor

# torch uses several threads from 2**15 elements. Smaller operations do not wait for a thread whose
# core is used by another process, such as a worker of a loader, and stay in the cache of one core.
_PAIRS = 2**15 - 1  # IoUs computed at a time
_BLOCK = 180  # boxes decided at a time, and minimum size of a strip; its square fits _PAIRS
_COLUMNS = 2**11  # later boxes compared at a time: long enough for vector instructions


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, *, offset: int = 0) -> Tensor:
    """Return the indices of the boxes that greedy NMS keeps.

    Args:
        boxes: [N, 4], ``(x1, y1, x2, y2)``.
        scores: [N].
        iou_threshold: a box is suppressed if its IoU with a better kept box is greater than this.
        offset: added to widths and heights; 1 if x2 and y2 are inside the box, else 0.

    Returns:
        [K] int64, indices of the kept boxes in descending order of score.

    Raises:
        ValueError: shapes do not match, the threshold is negative or NaN, or ``offset`` not 0 or 1.
    """
    if boxes.ndim != 2 or boxes.shape[1] != 4 or scores.shape != boxes.shape[:1]:
        raise ValueError(
            f"boxes must be [N, 4] and scores [N], found {[*boxes.shape]}, {[*scores.shape]}"
        )
    if not iou_threshold >= 0:
        raise ValueError(f"iou_threshold must not be negative, found {iou_threshold}")
    if offset not in (0, 1):
        raise ValueError(f"offset must be 0 or 1, found {offset}")
    order = scores.detach().argsort(descending=True, stable=True)  # [N]
    table = _with_area(boxes.detach()[order], offset)  # [5, N]
    area = table[4]
    can_overlap = torch.isfinite(area) & (area > 0)  # [N]
    kept = ~can_overlap
    ranks = can_overlap.nonzero().squeeze(1)
    for members in _strips(table[:, ranks], offset):
        strip = ranks[members]
        kept[strip[_survivors(table[:, strip], iou_threshold, offset)]] = True
    return order[kept]


def nms_match(boxes: Tensor, scores: Tensor, iou_threshold: float) -> list[Tensor]:
    """Return each kept box with the boxes that it suppresses.

    A box is suppressed if its IoU is at least the threshold, as in mmcv.

    Returns:
        For each kept box, in descending order of score, int64 indices: its own, then those of the
        boxes that no earlier kept box suppresses, in descending order of score.

    Raises:
        ValueError: shapes do not match, or the threshold is not positive.
    """
    if not iou_threshold > 0:
        raise ValueError(f"iou_threshold must be positive, found {iou_threshold}")
    if len(boxes) == 0:
        return []
    below = torch.tensor(iou_threshold, dtype=torch.promote_types(boxes.dtype, torch.float32))
    below = torch.nextafter(below, torch.zeros_like(below))  # "at least t" as "greater than below"
    kept = nms(boxes, scores, below.item())
    order = scores.argsort(descending=True, stable=True)
    owner = torch.empty_like(order)  # index in kept of the box that keeps or suppresses each
    for part in order.split(max(_PAIRS // len(kept), 1)):
        owner[part] = (pairwise_iou(boxes[kept], boxes[part]) > below).int().argmax(0)
    owner[kept] = torch.arange(len(kept), device=kept.device)
    mine = order[owner[order].argsort(stable=True)]
    return list(mine.split(owner.bincount().tolist()))


def soft_nms(
    boxes: Tensor,
    scores: Tensor,
    decay: Callable[[Tensor], Tensor],
    *,
    min_score: float = 1e-3,
    offset: int = 0,
) -> tuple[Tensor, Tensor]:
    """Return boxes in the order of their scores, reduced by the overlap with better boxes.

    Source: Bodla et al., Soft-NMS: Improving Object Detection With One Line of Code (2017),
    figure 2. A step depends on all steps before, so this is a loop over boxes.

    Args:
        boxes: [N, 4], ``(x1, y1, x2, y2)``.
        scores: [N].
        decay: from the IoU with the best box to the factor of the score.
        min_score: boxes below this score are removed. The best box is always kept.
        offset: added to widths and heights; 1 if x2 and y2 are inside the box, else 0.

    Returns:
        Indices of the kept boxes, [K] int64, in the order of selection, and their scores, [K].
        For equal scores the lower index comes first.
    """
    indices = torch.arange(scores.shape[0], device=scores.device)  # remaining boxes
    scores = scores.clone()
    taken, taken_scores = [], []
    while indices.numel():
        best = scores.argmax()
        taken.append(indices[best])
        taken_scores.append(scores[best])
        iou = pairwise_iou(boxes[indices[best]][None], boxes[indices], offset=offset)[0]
        scores = scores * decay(iou)
        left = scores >= min_score
        left[best] = False
        indices, scores = indices[left], scores[left]
    if not taken:
        return indices, scores
    return torch.stack(taken), torch.stack(taken_scores)


def pairwise_iou(a: Tensor, b: Tensor, *, offset: int = 0) -> Tensor:
    """Return the IoU of every pair of boxes [A, 4] and [B, 4], as :func:`nms` compares it, [A, B].

    It is zero if a box has zero, negative, NaN or infinite area.
    """
    iou = _iou(_with_area(a, offset), _with_area(b, offset), offset)
    return torch.where(iou > 0, iou, 0)


def _with_area(boxes: Tensor, offset: int) -> Tensor:
    """Rows x1, y1, x2, y2 and area of boxes [N, 4], each contiguous: [5, N]."""
    boxes = boxes.to(torch.promote_types(boxes.dtype, torch.float32))
    x1, y1, x2, y2 = boxes.unbind(1)
    return torch.stack((x1, y1, x2, y2, (x2 - x1 + offset) * (y2 - y1 + offset)))


def _iou(a: Tensor, b: Tensor, offset: int) -> Tensor:
    """IoU of boxes with areas [5, A] and [5, B], at most zero if boxes do not overlap, [A, B].

    The operations and their order are those of mmcv, so results are bit-identical. Only the width
    is clamped at zero: this is enough to prevent a positive product of two negative sides.
    """
    a, b = a[:, :, None], b[:, None, :]
    overlap = torch.minimum(a[2], b[2]).sub_(torch.maximum(a[0], b[0]))
    height = torch.minimum(a[3], b[3]).sub_(torch.maximum(a[1], b[1]))
    if offset:
        overlap, height = overlap.add_(offset), height.add_(offset)
    overlap = overlap.clamp_(min=0).mul_(height)
    union = (a[4] + b[4]).sub_(overlap)
    return overlap.div_(union)


def _strips(table: Tensor, offset: int) -> list[Tensor]:
    """Parts of the boxes [5, n] that do not overlap each other, as indices in ascending order.

    Adjacent parts are merged up to the size of a block, because each part needs several calls.
    """
    n = table.shape[1]
    if n <= _BLOCK:
        return [torch.arange(n, device=table.device)] if n else []
    left, order = table[0].sort()
    right = table[2][order].cummax(0).values
    # Twice the offset, because of rounding errors.
    gaps = (left[1:] >= right[:-1] + 2 * offset).nonzero().squeeze(1) + 1
    gaps = gaps[(gaps // _BLOCK).diff(prepend=gaps.new_zeros(1)) > 0]
    strip = torch.zeros(n, dtype=torch.int64, device=table.device)
    strip[gaps] = 1
    strip = torch.empty_like(strip).scatter_(0, order, strip.cumsum(0))
    sizes = strip.bincount(minlength=1).tolist()
    return list(strip.argsort(stable=True).split(sizes))


def _survivors(table: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Indices of the kept boxes among boxes with areas [5, n] in descending order of score."""
    alive = torch.arange(table.shape[1], device=table.device)
    kept = []
    while alive.numel():
        best, rest = alive[:_BLOCK], alive[_BLOCK:]
        exceeds = _iou(table[:, best], table[:, best], offset) > iou_threshold
        rank = torch.arange(len(best), device=best.device)
        exceeds &= rank[:, None] < rank  # triu would use all threads
        best = best[_settle(exceeds)]
        kept.append(best)
        alive = rest[~_any_exceeds(table, best, rest, iou_threshold, offset)]
    return torch.cat(kept)


def _any_exceeds(table: Tensor, a: Tensor, b: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Whether any of the boxes ``a`` overlaps each box of ``b`` too much, [len(b)]."""
    greatest = table.new_zeros(len(b))
    for start in range(0, len(b), _COLUMNS):
        later = b[start : start + _COLUMNS]
        columns = table.index_select(1, later)
        part = greatest[start : start + _COLUMNS]
        for best in a.split(max(_PAIRS // len(later), 1)):
            iou = _iou(table.index_select(1, best), columns, offset)
            torch.maximum(part, iou.amax(0), out=part)
    return greatest > iou_threshold


def _settle(exceeds: Tensor) -> Tensor:
    """The fixed point of "kept unless a better kept box exceeds the threshold", [b] bool.

    ``exceeds`` [b, b], strictly upper triangular, is whether the IoU of box i and the later box j
    exceeds the threshold.
    """
    better, worse = exceeds.nonzero().unbind(1)
    kept = torch.ones_like(exceeds[0])
    while True:
        settled = torch.ones_like(kept)
        settled[worse[kept[better]]] = False
        if torch.equal(settled, kept):
            return kept
        kept = settled
