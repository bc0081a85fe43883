"""Slow, obvious versions of the mathematics of dense evaluation."""

import itertools
import math
from collections import Counter

import torch
import torch.nn.functional as F

VOID = 255


def propagate(keys, shares, query, k, temperature):
    """Class scores of one query, by the formula of Balazevic et al. 2023."""
    similar = [float(F.cosine_similarity(query, key, dim=0)) for key in keys]
    nearest = sorted(range(len(keys)), key=lambda i: -similar[i])[:k]
    weights = [math.exp(similar[i] / temperature) for i in nearest]
    scores = torch.zeros(shares.shape[1])
    for i, weight in zip(nearest, weights, strict=True):
        scores += weight / sum(weights) * shares[i]
    return scores


def sampling_costs(shares):
    """For each patch: the number of patches with each of its classes, summed over its classes."""
    classes = [{c for c, share in enumerate(patch.tolist()) if share > 0} for patch in shares]
    frequency = Counter(c for found in classes for c in found)
    return [sum(frequency[c] for c in found) for found in classes]


def vote(pixels, neighbours, num_classes):
    """The most frequent class of each pixel among neighbours."""
    voted = []
    for p in range(pixels.shape[1]):
        votes = [int(pixels[i, p]) for i in neighbours if int(pixels[i, p]) < num_classes]
        counts = Counter(votes)
        voted.append(min(range(num_classes), key=lambda c: (-counts[c], c)))
    return voted


def best_assignment(overlaps):
    """The largest total overlap over all one-to-one matches, by trying each."""
    classes = range(overlaps.shape[1])
    return max(
        sum(float(overlaps[k, c]) for k, c in enumerate(matched))
        for matched in itertools.permutations(classes)
    )


def overlap(assigned, maps, patches, clusters, num_classes):
    """Pixels of each class in each cluster; ``patches`` has the patch of each pixel."""
    counts = torch.zeros(clusters, num_classes, dtype=torch.float64)
    for label, patch in zip(maps.flatten().tolist(), patches.flatten().tolist(), strict=True):
        if label != VOID:
            counts[assigned[patch], label] += 1
    return counts
