"""k-means clusters of patches, and their match with classes.

Letters: N patches, D channels, K clusters, C classes.
"""

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

__all__ = ["hungarian", "kmeans", "many_to_one", "nearest_centre", "overlap"]

_ROWS = 16384  # at a time: 64 KiB a cluster


def kmeans(
    features: Tensor, *, clusters: int, iterations: int, generator: torch.Generator
) -> Tensor:
    """Return the centres after Lloyd's iterations, from random features as first centres.

    A cluster without features gets the feature that is farthest from its centre, the second such
    cluster the second farthest, and so on.

    Args:
        features: [N, D]
        clusters: K, at most N.
        iterations: Maximum number; it ends earlier if no feature changes its cluster.
        generator: Of the first centres.

    Returns:
        [K, D]

    Raises:
        ValueError: There are fewer features than clusters.
    """
    if not 1 <= clusters <= len(features):
        raise ValueError(f"clusters must be from 1 to {len(features)} features, found {clusters}")
    first = torch.randperm(len(features), generator=generator)[:clusters]
    centres = features[first.to(features.device)]  # [K, D]
    assigned = features.new_full((len(features),), -1, dtype=torch.long)  # [N]
    for _ in range(iterations):
        previous, assigned = assigned, nearest_centre(features, centres)
        if torch.equal(previous, assigned):
            break
        counts = assigned.bincount(minlength=clusters)  # [K]
        sums = torch.zeros_like(centres).index_add_(0, assigned, features)  # [K, D]
        empty = (counts == 0).nonzero().flatten()
        if len(empty):
            distances = (features - centres[assigned]).square().sum(dim=1)  # [N]
            far = distances.topk(len(empty)).indices
            sums[empty], counts[empty] = features[far], 1
        centres = sums / counts[:, None]
    return centres


def nearest_centre(features: Tensor, centres: Tensor) -> Tensor:
    """Return the index of the centre [K, D] with the least distance to each feature [N, D], [N]."""
    half_norms = centres.square().sum(dim=1) / 2  # [K]
    parts = features.split(_ROWS)
    return torch.cat([(half_norms - part @ centres.T).argmin(dim=1) for part in parts])


def overlap(assigned: Tensor, counts: Tensor, *, clusters: int) -> Tensor:
    """Return how many pixels of each class are in each cluster.

    Args:
        assigned: Cluster of each patch. [N]
        counts: Pixels of each class in each patch. [N, C]
        clusters: K.

    Returns:
        float64. [K, C]
    """
    return torch.zeros(clusters, counts.shape[1], dtype=torch.float64).index_add_(
        0, assigned.cpu(), counts.cpu().double()
    )


def hungarian(overlaps: Tensor) -> Tensor:
    """Return a confusion matrix for one cluster a class, with the largest total overlap.

    For K = C. Ji et al. 2019, "Invariant Information Clustering", section 4.

    Args:
        overlaps: From :func:`overlap`. [K, C]

    Returns:
        Rows are true, columns predicted classes. [C, C]

    Raises:
        ValueError: K is not C.
    """
    if overlaps.shape[0] != overlaps.shape[1]:
        raise ValueError(f"expected as many clusters as classes, found {tuple(overlaps.shape)}")
    _, matched = linear_sum_assignment(overlaps.numpy(), maximize=True)
    return _as_classes(overlaps, torch.from_numpy(matched))


def many_to_one(overlaps: Tensor) -> Tensor:
    """Return a confusion matrix in which each cluster has the class of most of its pixels.

    The greedy match by precision for K > C, as in Ziegler and Asano 2022, "Self-Supervised Learning
    of Object Parts for Semantic Segmentation" (Leopart), section 4, and NeCo.

    Args:
        overlaps: From :func:`overlap`. [K, C]

    Returns:
        As :func:`hungarian`. [C, C]
    """
    return _as_classes(overlaps, overlaps.argmax(dim=1))


def _as_classes(overlaps: Tensor, matched: Tensor) -> Tensor:
    predicted = F.one_hot(matched, overlaps.shape[1]).double()  # [K, C]
    return (overlaps.T @ predicted).round().long()  # [C, C]
