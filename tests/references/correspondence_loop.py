"""Matching of patches under a known warp, patch by patch."""

import math


def match_loop(features, warped, warp, grid):
    """Distance to the true place in sides of the image, and visibility, of each patch."""
    height, width = grid

    def centre(patch):
        row, column = divmod(patch, width)
        return (column + 0.5) / width * 2 - 1, (row + 0.5) / height * 2 - 1

    def cosine(a, b):
        product = sum(x * y for x, y in zip(a, b))
        return product / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    result = []
    for patch in range(height * width):
        best = max(range(height * width), key=lambda q: cosine(features[patch], warped[q]))
        x, y = centre(patch)
        u, v, w = (row[0] * x + row[1] * y + row[2] for row in warp)
        true = u / w, v / w
        away = math.dist(centre(best), true) / 2
        result.append((away, max(abs(true[0]), abs(true[1])) <= 1))
    return result
