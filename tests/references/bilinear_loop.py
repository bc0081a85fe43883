"""Bilinear reading of one point, and sums of weighted rows, as plain loops."""

import math


def read_point(image, y, x):
    """Value of image [C, H, W] at (y, x), zero outside, [C]."""
    height, width = image.shape[1:]
    value = image.new_zeros(image.shape[0])
    if not (math.isfinite(y) and math.isfinite(x)):
        return value
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < height and 0 <= column < width:
                weight = (1 - abs(y - row)) * (1 - abs(x - column))
                value = value + weight * image[:, row, column]
    return value


def sum_rows(table, rows, weights, offsets):
    """Weighted sums of table rows, one for each pair of neighbouring offsets."""
    bags = table.new_zeros(len(offsets) - 1, table.shape[1])
    for bag in range(len(offsets) - 1):
        for tap in range(offsets[bag], offsets[bag + 1]):
            bags[bag] += weights[tap] * table[rows[tap]]
    return bags
