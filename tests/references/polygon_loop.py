"""What a polygon covers, by the even-odd rule, one point after another."""

import numpy as np


def inside(polygons: list[np.ndarray], x: float, y: float) -> bool:
    """Whether a ray from (x, y) to the right crosses outlines `[P, 2]` an odd number of times."""
    crossings = 0
    for points in polygons:
        for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0)):
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
                crossings += 1
    return crossings % 2 == 1


def covered_share(polygons: list[np.ndarray], column: int, row: int, samples: int) -> float:
    """Share of `samples` x `samples` points of a pixel that lie inside."""
    hits = 0
    for i in range(samples):
        for j in range(samples):
            x, y = column + (j + 0.5) / samples, row + (i + 0.5) / samples
            hits += inside(polygons, x, y)
    return hits / samples**2
