"""Top-k accuracy with a defined rule for equal scores.

Letters: Q queries, C classes.
"""

import torch
from torch import Tensor


def top_k_accuracy(scores: Tensor, labels: Tensor, *, k: int = 1) -> float:
    """Return the percentage of queries whose true class is among the ``k`` best.

    For equal scores the lower class index is better. A ``k`` of C or more gives 100.

    Args:
        scores: Higher is better. [Q, C]
        labels: True classes. [Q]
        k: Number of best classes.

    Raises:
        ValueError: There are no queries, shapes differ, or a score is NaN.
    """
    hits = top_k_hits(scores, labels, k=k)
    if len(labels) == 0:
        raise ValueError("an accuracy needs scores [Q, C] and labels [Q] with Q > 0, found Q = 0")
    return 100.0 * hits / len(labels)


def top_k_hits(scores: Tensor, labels: Tensor, *, k: int = 1) -> int:
    """Return the number of queries whose true class is among the ``k`` best; 0 without queries.

    Hits of several processes can be added; accuracies cannot.

    Args:
        scores: As in :func:`top_k_accuracy`. [Q, C]
        labels: True classes. [Q]
        k: Number of best classes.

    Raises:
        ValueError: Shapes differ, or a score is NaN.
    """
    if scores.ndim != 2 or labels.shape != scores.shape[:1]:
        raise ValueError(
            "expected scores [Q, C] and labels [Q], "
            f"found {tuple(scores.shape)} and {tuple(labels.shape)}"
        )
    if scores.isnan().any():
        raise ValueError("scores contain NaN")
    true = labels[:, None]  # [Q, 1]
    true_score = scores.gather(1, true)  # [Q, 1]
    is_lower_class = torch.arange(scores.shape[1], device=scores.device) < true  # [Q, C]
    better = (scores > true_score) | ((scores == true_score) & is_lower_class)  # [Q, C]
    rank = better.sum(dim=1)  # [Q]
    return int((rank < k).sum())
