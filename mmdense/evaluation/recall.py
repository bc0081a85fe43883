"""Average recall of region proposals, as COCO's evaluation computes it without categories.

For each IoU threshold, the proposals are matched in the order of their scores. Each one is matched
with the object that has the largest IoU, at least the threshold, among objects without a match; the
last one for equal IoUs. Recall is the fraction of matched objects; average recall (AR) is its mean
over the thresholds.

Crowds and objects outside an area range do not count. In the evaluation of COCO they can match a
proposal that has no other match, which changes the precision but not the recall, so they are
ignored here.

The results equal those of ``COCOeval`` of pycocotools with ``useCats = 0`` in float64, with one
exception: COCOeval ignores an object whose annotation has the id 0.

Letters::

    P   proposals of an image, best first
    G   objects of an image, or of all images
    A   area ranges
    T   IoU thresholds
    B   budgets: numbers of best proposals of an image
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask

#: Numbers of proposals for average recall.
BUDGETS = (100, 300, 1000)
#: 0.5, 0.55, ... 0.95.
THRESHOLDS = np.linspace(0.5, 0.95, 10)
#: Minimum and maximum area of an object in square pixels, inclusive.
AREAS: Mapping[str, tuple[float, float]] = {
    "all": (0, 1e5**2),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e5**2),
}
#: Rank for objects that no proposal matches.
MISSED = np.iinfo(np.int32).max

_NUMBERS = (1, 2, 5, 10, 20, 50, 100, 200, 300, 500, 1000)  # of the curve over proposals
_MAX_THRESHOLD = 1 - 1e-10  # an IoU of 1 can be rounded down


def counted_objects(areas: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    """Return which objects count in each area range.

    Args:
        areas: Annotated areas in square pixels; that of a mask can be smaller than its box. [G]
        ignored: Whether the object is a crowd. bool [G]

    Returns:
        bool [A, G]
    """
    least, greatest = np.array(list(AREAS.values()), dtype=float).T[:, :, None]  # [A, 1]
    return (areas >= least) & (areas <= greatest) & ~ignored


def match_objects(
    proposals: np.ndarray,
    objects: np.ndarray,
    counted: np.ndarray,
    thresholds: np.ndarray = THRESHOLDS,
) -> np.ndarray:
    """Return the rank of the proposal that matches each object of an image.

    Better proposals are matched first, so the objects found with a smaller budget are those with a
    rank below that budget.

    Args:
        proposals: x, y, width, height in pixels, best first. [P, 4]
        objects: The same of objects, in COCO's order: by category, then as in the file. [G, 4]
        counted: Whether an object counts in an area range. bool [A, G]
        thresholds: IoU thresholds. [T]

    Returns:
        Rank of the proposal from 0, or :data:`MISSED`. int32 [A, T, G]

    Raises:
        ValueError: The shapes do not match.
    """
    if proposals.shape[1:] != (4,) or objects.shape[1:] != (4,):
        raise ValueError(
            f"boxes must be [P, 4] and [G, 4], found {proposals.shape} and {objects.shape}"
        )
    if counted.ndim != 2 or counted.shape[1] != len(objects):
        raise ValueError(f"counted must be [A, {len(objects)}], found {counted.shape}")
    iou = _pairwise_iou(proposals.astype(float), objects.astype(float))  # [P, G]
    least = np.minimum(thresholds, _MAX_THRESHOLD)[:, None]  # [T, 1]
    free = np.repeat(counted[:, None], len(least), axis=1)  # [A, T, G]
    places = np.full(free.shape, MISSED, dtype=np.int32)
    useful = (iou >= least.min()) & counted.any(axis=0)  # [P, G]
    for place in np.flatnonzero(useful.any(axis=1)):
        fits = free & (iou[place] >= least)
        value = np.where(fits, iou[place], -1)
        best = len(objects) - 1 - value[..., ::-1].argmax(axis=-1)  # [A, T]
        of_range, of_threshold = fits.any(axis=-1).nonzero()
        taken = of_range, of_threshold, best[of_range, of_threshold]
        places[taken] = place
        free[taken] = False
    return places


def recall(places: np.ndarray, counted: np.ndarray, budgets: Sequence[int]) -> np.ndarray:
    """Return the fraction of objects that are found.

    Args:
        places: Ranks from :func:`match_objects`, of all images. [A, T, G]
        counted: Whether an object counts in an area range. bool [A, G]
        budgets: Numbers of proposals of an image, B of them.

    Returns:
        From 0 to 1, NaN for an area range without objects. [A, B, T]
    """
    number = counted.sum(axis=1).astype(float)[:, None]  # [A, 1]
    number[number == 0] = np.nan
    shares = [(places < budget).sum(axis=-1) / number for budget in budgets]  # [A, T] each
    return np.stack(shares, axis=1)


def average_recall(
    places: np.ndarray, counted: np.ndarray, budgets: Sequence[int]
) -> dict[str, list[float]]:
    """Return the average recall for each budget, by size.

    Args:
        places: As in :func:`recall`. [A, T, G]
        counted: As in :func:`recall`. bool [A, G]
        budgets: As in :func:`recall`.

    Returns:
        B numbers from 0 to 1 for each name of :data:`AREAS` with objects.
    """
    shares = recall(places, counted, budgets).mean(axis=-1)  # [A, B]
    return {
        name: shares[number].tolist() for number, name in enumerate(AREAS) if counted[number].any()
    }


def recall_curves(
    places: np.ndarray,
    counted: np.ndarray,
    budgets: Sequence[int],
    thresholds: np.ndarray = THRESHOLDS,
) -> dict[str, Any]:
    """Return recall by IoU threshold for each budget, and average recall by number of proposals.

    Args:
        places: Ranks from :func:`match_objects`, of all images. [A, T, G]
        counted: Whether an object counts in an area range. bool [A, G]
        budgets: Numbers of proposals of an image. The curve by number of proposals, at 1, 2, 5, 10
            up to 1000, ends at the largest budget.
        thresholds: Thresholds of ``places``. [T]

    Returns:
        ``over_iou`` with ``iou`` and ``recall``: T numbers for each budget (as text) of each size
        with objects. ``over_proposals`` with ``proposals`` and ``average_recall``: one number for
        each number of proposals, for each size with objects.
    """
    numbers = [number for number in _NUMBERS if number <= max(budgets)]
    shares = recall(places, counted, budgets)  # [A, B, T]
    by_budget = {
        name: {str(budget): row.tolist() for budget, row in zip(budgets, shares[number])}
        for number, name in enumerate(AREAS)
        if counted[number].any()
    }
    return {
        "over_iou": {"iou": np.round(thresholds, 10).tolist(), "recall": by_budget},
        "over_proposals": {
            "proposals": numbers,
            "average_recall": average_recall(places, counted, numbers),
        },
    }


def _pairwise_iou(proposals: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """IoU of boxes x, y, width, height, as in the evaluation of COCO, [P, G]."""
    if not len(proposals) or not len(objects):
        return np.zeros((len(proposals), len(objects)))
    return mask.iou(proposals, objects, np.zeros(len(objects), dtype=np.uint8))
