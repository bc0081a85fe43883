"""LOST step by step for one image, with lists of patches."""


def lost_loop(features, grid, k):
    """Seed, patches of the object and its box x1, y1, x2, y2; features is a list [N][D]."""
    height, width = grid
    patches = range(height * width)

    def dot(p, q):
        return sum(a * b for a, b in zip(features[p], features[q]))

    degree = [sum(dot(p, q) >= 0 for q in patches) for p in patches]
    by_degree = sorted(patches, key=lambda p: (degree[p], p))
    seed = by_degree[0]
    expansion = [p for p in by_degree[:k] if dot(p, seed) >= 0]
    mask = {p for p in patches if sum(dot(p, s) for s in expansion) >= 0}
    component, waiting = {seed}, [seed]
    while waiting:
        y, x = divmod(waiting.pop(), width)
        for row, column in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            other = row * width + column
            if not (0 <= row < height and 0 <= column < width) or other in component:
                continue
            if other in mask:
                component.add(other)
                waiting.append(other)
    ys, xs = zip(*(divmod(p, width) for p in component))
    return seed, component, [min(xs), min(ys), max(xs) + 1, max(ys) + 1]
