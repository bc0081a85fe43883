"""A slow and obvious principal component analysis of feature maps, as colours."""

import numpy as np


def patch_pca_loop(maps, rounds=3000):
    """Power iteration with deflation on the covariance; arrays [C, H, W] to [H, W, 3]."""
    rows = np.array([one[:, y, x] for one in maps for y, x in np.ndindex(one.shape[1:])])
    centred = rows - rows.mean(axis=0)
    covariance = sum(np.outer(row, row) for row in centred) / len(rows)
    colours, shares = np.full((len(rows), 3), 0.5), np.zeros(3)
    total = np.trace(covariance)
    for number in range(min(3, rows.shape[1])):
        vector = np.arange(1.0, rows.shape[1] + 1)
        for _ in range(rounds):
            vector = covariance @ vector
            vector /= np.linalg.norm(vector)
        variance = vector @ covariance @ vector
        covariance = covariance - variance * np.outer(vector, vector)
        if vector[np.abs(vector).argmax()] < 0:
            vector = -vector
        values = centred @ vector
        low, high = np.quantile(values, 0.01), np.quantile(values, 0.99)
        colours[:, number] = np.clip((values - low) / (high - low), 0, 1)
        shares[number] = variance / total
    images, start = [], 0
    for one in maps:
        _, height, width = one.shape
        images.append(colours[start : start + height * width].reshape(height, width, 3))
        start += height * width
    return images, shares
