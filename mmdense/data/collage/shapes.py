"""The ten shapes of Collage. Only the outline of an object depends on its class.

Legend: P points of an outline; a point is (x, y), y points down.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from mmdense.data.collage.split import SplitSampler

CLASSES = (
    "disc", "ring", "triangle", "square", "hexagon",
    "star", "cross", "crescent", "heart", "arrow",
)  # fmt: skip
PALETTE = [
    (230, 75, 60), (250, 170, 60), (245, 225, 70), (120, 200, 80), (50, 160, 140),
    (70, 190, 230), (60, 110, 220), (140, 90, 215), (235, 100, 180), (160, 115, 80),
]  # fmt: skip
_OVERSAMPLE = 4


def draw_shape(label: int, sampler: SplitSampler) -> list[np.ndarray]:
    """Return the contours, `[P, 2]` each, of `CLASSES[label]` with random proportions and rotation.

    The first contour is the outline, the second one, if any, is a hole. The bounding box has its
    centre at the origin and a longer side of 1. All parameters except the rotation come from the
    slots of the split.
    """
    contours = _OUTLINES[label](sampler)
    rounding = sampler.uniform(0.02, 0.13)
    contours = [_cut_corners(c, rounding) if len(c) <= 16 else c for c in contours]
    stretch = float(np.exp(sampler.uniform(-0.11, 0.11)))  # aspect ratio: stretch squared
    shear = sampler.uniform(-0.12, 0.12)
    angle = sampler.rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    warp = turn @ np.array([[stretch, shear], [0.0, 1 / stretch]])
    contours = [c @ warp.T for c in contours]
    low, high = contours[0].min(axis=0), contours[0].max(axis=0)
    return [(c - (low + high) / 2) / (high - low).max() for c in contours]


def coverage(
    contours: list[np.ndarray], centre: tuple[float, float], size: float
) -> tuple[np.ndarray, int, int]:
    """Return a shape as an anti-aliased mask.

    Args:
        contours: As from :func:`draw_shape`.
        centre: Its centre (x, y) in pixels; the image's corner is (0, 0).
        size: Longer side of its bounding box, in pixels.

    Returns:
        The coverage of every pixel of a window, uint8 `[h, w]` from 0 to 255, and the first column
        and row of the window in the image, which may be negative.
    """
    points = [c * size + np.asarray(centre) for c in contours]
    left, top = np.floor(points[0].min(axis=0)).astype(int) - 1
    right, bottom = np.ceil(points[0].max(axis=0)).astype(int) + 1
    window = np.zeros(((bottom - top) * _OVERSAMPLE, (right - left) * _OVERSAMPLE), np.uint8)
    # cv2 has pixel centres at integers, the contours have them at x.5.
    fine = [np.round((p - (left, top)) * _OVERSAMPLE - 0.5).astype(np.int32) for p in points]
    cv2.fillPoly(window, fine, 255)
    size_wh = (int(right - left), int(bottom - top))
    return cv2.resize(window, size_wh, interpolation=cv2.INTER_AREA), int(left), int(top)


def _cut_corners(points: np.ndarray, share: float) -> np.ndarray:
    """Round the corners with two steps of Chaikin's algorithm: one corner becomes four points."""
    for ratio in (share, 0.25):
        after = np.roll(points, -1, axis=0)
        near, far = points + ratio * (after - points), after + ratio * (points - after)
        points = np.stack([near, far], axis=1).reshape(-1, 2)
    return points


def _arc(radius: float, start: float, stop: float, count: int = 96) -> np.ndarray:
    angle = np.linspace(start, stop, count, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius  # [P, 2]


def _polygon(corners: int) -> np.ndarray:
    return _arc(1.0, -np.pi / 2, 1.5 * np.pi, corners)


def _ring(sampler: SplitSampler) -> list[np.ndarray]:
    return [_arc(1.0, 0, 2 * np.pi), _arc(sampler.uniform(0.42, 0.7), 0, 2 * np.pi)]


def _triangle(sampler: SplitSampler) -> list[np.ndarray]:
    return [_polygon(3) + np.array([[sampler.uniform(-0.35, 0.35), 0], [0, 0], [0, 0]])]


def _star(sampler: SplitSampler) -> list[np.ndarray]:
    points = int(sampler.uniform(5, 9))  # 5 to 8
    star = _polygon(2 * points)
    star[1::2] *= sampler.uniform(0.4, 0.56)
    return [star]


def _cross(sampler: SplitSampler) -> list[np.ndarray]:
    a = sampler.uniform(0.2, 0.36)  # half the width of an arm
    quarter = np.array([[a, -1], [a, -a], [1, -a]])
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])  # a quarter turn of row vectors
    return [np.concatenate([quarter @ np.linalg.matrix_power(turn, k) for k in range(4)])]


def _crescent(sampler: SplitSampler) -> list[np.ndarray]:
    """Return the unit disc minus a disc of radius `bite` with its centre at (`away`, 0)."""
    away, bite = sampler.uniform(0.42, 0.62), sampler.uniform(0.78, 0.92)
    x = (away**2 + 1 - bite**2) / (2 * away)  # the circles meet here
    tip = np.arccos(x)
    inner_tip = np.arctan2(np.sin(tip), np.cos(tip) - away)
    outer = _arc(1.0, tip, 2 * np.pi - tip)
    inner = _arc(bite, 2 * np.pi - inner_tip, inner_tip) + np.array([away, 0])
    return [np.concatenate([outer, inner])]


def _heart(sampler: SplitSampler) -> list[np.ndarray]:
    """Return the common heart curve: x = 16 sin^3 t, y a sum of four cosines."""
    t = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    lobe, tip = sampler.uniform(4.6, 6.2), sampler.uniform(1.6, 2.6)
    y = 13 * np.cos(t) - lobe * np.cos(2 * t) - tip * np.cos(3 * t) - np.cos(4 * t)
    return [np.stack([16 * np.sin(t) ** 3, -y], axis=1)]


def _arrow(sampler: SplitSampler) -> list[np.ndarray]:
    shaft, head = sampler.uniform(0.14, 0.26), sampler.uniform(0.5, 0.68)  # half widths
    neck = sampler.uniform(-0.05, 0.3)  # where the head begins
    upper = np.array([[-1.0, -shaft], [neck, -shaft], [neck, -head], [1.0, 0.0]])
    lower = upper[2::-1] * (1.0, -1.0)
    return [np.concatenate([upper, lower])]


# In the order of CLASSES.
_OUTLINES: tuple[Callable[[SplitSampler], list[np.ndarray]], ...] = (
    lambda sampler: [_arc(1.0, 0, 2 * np.pi)],
    _ring,
    _triangle,
    lambda sampler: [_polygon(4)],
    lambda sampler: [_polygon(6)],
    _star,
    _cross,
    _crescent,
    _heart,
    _arrow,
)
