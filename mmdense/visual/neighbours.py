"""Which images of a set a model takes for the most alike.

Letters: N images, D feature channels, Q queries, K neighbours.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmdense.evaluation.knn import nearest_neighbours

__all__ = ["nearest"]


def nearest(features: Tensor, queries: Sequence[int], k: int) -> tuple[Tensor, Tensor]:
    """The ``k`` other images of greatest cosine similarity to each query, nearest first.

    Of equally near ones the lower index counts as nearer. An image is no neighbour of itself; a
    copy of it is one.

    Args:
        features: Of all images. [N, D]
        queries: Indices of the images to begin from, Q of them.
        k: Neighbours of each query, at most N - 1.

    Returns:
        Similarities and indices. [Q, K] and [Q, K]

    Raises:
        ValueError: There are too few images, or a feature is NaN or infinite.
    """
    if not 1 <= k < len(features):
        raise ValueError(f"k must be from 1 to {len(features) - 1}, the other images, got {k}")
    own = torch.tensor(queries, device=features.device)  # [Q]
    similar, index = nearest_neighbours(features, features[own], k=k + 1)  # [Q, K + 1]
    # The query is among them, unless as many copies of it have lower indices.
    itself = index == own[:, None]
    itself[~itself.any(dim=1), -1] = True
    shape = len(own), k
    return similar[~itself].reshape(shape), index[~itself].reshape(shape)  # [Q, K]
