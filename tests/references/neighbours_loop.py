"""The neighbours of a patch, the most similar of them, and what class attention makes of them."""

import torch


def neighbours(grid, place, window, wrap):
    """Places of the neighbours of one patch, in the order of rows."""
    height, width = grid
    row, column = divmod(place, width)
    found = []
    for y in range(row - window // 2, row + window // 2 + 1):
        for x in range(column - window // 2, column + window // 2 + 1):
            if (y, x) == (row, column):
                continue
            if wrap:
                found.append((y % height) * width + x % width)
            elif 0 <= y < height and 0 <= x < width:
                found.append(y * width + x)
    return found


def most_similar(patches, grid, place, k, window, wrap):
    """The k neighbours of one patch with the largest cosine; patches [N, D]."""
    cosines = {
        other: float(torch.cosine_similarity(patches[place], patches[other], dim=0))
        for other in neighbours(grid, place, window, wrap)
    }
    return sorted(cosines, key=cosines.get, reverse=True)[:k]


def pooled(pool, patches, chosen):
    """What a ClassAttentionPool makes of the chosen patches alone, [D]; patches [N, D]."""
    return pool(patches[chosen][None])[0]
