"""Label propagation patch by patch, and J and F pixel by pixel."""

import math


def propagate_loop(context, labels, frame, grid, radius, k, temperature):
    """Labels of a frame; lists: context [T][N][D], labels [T][N][C], frame [N][D], normalised."""
    result = []
    for patch, feature in enumerate(frame):
        row, column = divmod(patch, grid[1])
        found = []
        for known, of_known in zip(context, labels):
            for other, value in enumerate(known):
                y, x = divmod(other, grid[1])
                if abs(y - row) <= radius and abs(x - column) <= radius:
                    cosine = sum(a * b for a, b in zip(feature, value))
                    found.append((math.exp(cosine / temperature), of_known[other]))
        best = sorted(found, key=lambda pair: pair[0], reverse=True)[:k]
        total = sum(weight for weight, _ in best)
        result.append(
            [sum(w * one[c] for w, one in best) / total for c in range(len(labels[0][0]))]
        )
    return result


def boundary_loop(mask):
    """Boundary pixels (y, x) of a list of rows."""
    height, width = len(mask), len(mask[0])
    return {
        (y, x)
        for y in range(height)
        for x in range(width)
        for dy, dx in ((0, 1), (1, 0), (1, 1))
        if mask[y][x] != mask[min(y + dy, height - 1)][min(x + dx, width - 1)]
    }


def boundary_accuracy_loop(predicted, true, tolerance):
    """F of two masks, lists of rows."""
    radius = math.ceil(tolerance * math.hypot(len(true), len(true[0])))
    ours, theirs = boundary_loop(predicted), boundary_loop(true)

    def share(some, others):
        if not some:
            return 1.0
        near = [any(math.dist(a, b) <= radius for b in others) for a in some]
        return sum(near) / len(some)

    precision, recall = share(ours, theirs), share(theirs, ours)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
