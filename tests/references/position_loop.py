"""R^2 of the position of a patch by least squares on stacked rows."""

import numpy as np


def position_loop(features, grid, strength):
    """R^2 of row and column; features [B, N, D] as a NumPy array in float64."""
    count, patches, _ = features.shape
    places = [
        (2 * row / (grid[0] - 1) - 1, 2 * column / (grid[1] - 1) - 1)
        for row in range(grid[0])
        for column in range(grid[1])
    ]
    places = np.array(places)
    error, total = np.zeros(2), np.zeros(2)
    for first in (0, 1):
        fitted = np.concatenate(features[first::2])
        mean, deviation = fitted.mean(0), fitted.std(0)
        rows = (fitted - mean) / deviation
        # Ridge regression is least squares with one further row for each weight.
        penalty = np.sqrt(strength * len(rows)) * np.eye(rows.shape[1])
        targets = np.concatenate([places] * (len(rows) // patches) + [np.zeros((len(penalty), 2))])
        weight = np.linalg.lstsq(np.concatenate([rows, penalty]), targets, rcond=None)[0]
        for index in range(1 - first, count, 2):
            guess = (features[index] - mean) / deviation @ weight
            error += ((guess - places) ** 2).sum(0)
            total += (places**2).sum(0)
    return 1 - error / total
