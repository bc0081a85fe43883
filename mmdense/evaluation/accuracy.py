"""Top-k accuracy with a stated rule for equal scores.

Letters: Q queries, C classes.
"""

import torch
from torch import Tensor


def top_k_accuracy(scores: Tensor, labels: Tensor, *, k: int = 1) -> float:
    """Share of queries whose true class is among the ``k`` best, in percent.

    Of classes with equal scores the lower index counts as better. A ``k`` of C or more gives 100.

    Args:
        scores: Higher is better. [Q, C]
        labels: True classes. [Q]
        k: How many classes a query may name.

    Raises:
        ValueError: There are no queries, shapes differ, or a score is NaN.
    """
    hits = top_k_hits(scores, labels, k=k)
    if len(labels) == 0:
        raise ValueError("an accuracy needs scores [Q, C] and labels [Q] with Q > 0, found Q = 0")
    return 100.0 * hits / len(labels)


def top_k_hits(scores: Tensor, labels: Tensor, *, k: int = 1) -> int:
    """Number of queries, none included, whose true class is among the ``k`` best.

    Hits and queries of several processes add up, which their accuracies do not.

    Args:
        scores: As in :func:`top_k_accuracy`. [Q, C]
        labels: True classes. [Q]
        k: How many classes a query may name.

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
