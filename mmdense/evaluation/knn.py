"""Weighted k-nearest-neighbour classification of frozen features, exact and in chunks.

    score(query, c) = sum over the k nearest i with label c of exp(cos(query, bank_i) / T)

Wu et al. 2018, "Unsupervised Feature Learning via Non-Parametric Instance Discrimination",
section 3.4; with k of 20 and 200 and T = 0.07 as in DINO (Caron et al. 2021).

Letters: N bank, Q queries, D feature channels, K neighbours, C classes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

# A chunk of similarities takes 64 MiB in float32, whatever the size of the bank.
_QUERY_CHUNK = 1024
_BANK_CHUNK = 16384


def knn_classify(
    bank: Tensor,
    bank_labels: Tensor,
    queries: Tensor,
    *,
    k: int,
    num_classes: int,
    temperature: float = 0.07,
) -> Tensor:
    """Class scores of the queries from their ``k`` nearest neighbours in the bank.

    Args:
        bank: Features whose classes are known, of any length. [N, D]
        bank_labels: Their classes, from 0 to C - 1. [N]
        queries: Features to classify. [Q, D]
        k: Neighbours that vote.
        num_classes: C.
        temperature: T; smaller lets the nearest decide.

    Returns:
        Shares of the vote, each row sums to one. [Q, C]

    Raises:
        ValueError: A shape, a label or a feature cannot be used; the message says which.
    """
    _check_labels(bank, bank_labels, num_classes)
    similarities, neighbours = nearest_neighbours(bank, queries, k=k)
    return vote(
        similarities, bank_labels[neighbours], num_classes=num_classes, temperature=temperature
    )


def nearest_neighbours(bank: Tensor, queries: Tensor, *, k: int) -> tuple[Tensor, Tensor]:
    """The ``k`` bank features of greatest cosine similarity, nearest first.

    Of equally near ones the lower index counts as nearer.

    Args:
        bank: Features. [N, D]
        queries: Features. [Q, D]
        k: Neighbours of each query, at most N.

    Returns:
        Similarities and bank indices. [Q, K] and [Q, K]

    Raises:
        ValueError: As :func:`knn_classify`.
    """
    _check_features(bank, queries, k)
    bank = F.normalize(bank, dim=1)  # [N, D]
    queries = F.normalize(queries, dim=1)  # [Q, D]
    if len(queries) == 0:
        return queries.new_zeros(0, k), torch.zeros(0, k, dtype=torch.long, device=bank.device)
    found = [_nearest_to_chunk(bank, chunk, k) for chunk in queries.split(_QUERY_CHUNK)]
    return torch.cat([values for values, _ in found]), torch.cat([index for _, index in found])


def vote(
    similarities: Tensor, labels: Tensor, *, num_classes: int, temperature: float = 0.07
) -> Tensor:
    """Weigh the neighbours by ``exp(similarity / temperature)`` and add up by class.

    Args:
        similarities: Of the neighbours. [Q, K]
        labels: Of the neighbours. [Q, K]
        num_classes: C.
        temperature: T.

    Returns:
        Shares of the vote, each row sums to one. [Q, C]
    """
    if temperature <= 0:
        raise ValueError(f"temperature must be positive, found {temperature}")
    weights = (similarities / temperature).softmax(dim=1)  # [Q, K]
    shares = weights.new_zeros(len(weights), num_classes)  # [Q, C]
    return shares.scatter_add_(1, labels, weights)


def _nearest_to_chunk(bank: Tensor, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Walk the bank in chunks and keep the best ``k`` so far.

    What was kept stands before the new chunk, so a stable choice by position is one by bank index.
    """
    best = queries.new_zeros(len(queries), 0)  # [Q, <=K]
    index = torch.zeros(len(queries), 0, dtype=torch.long, device=bank.device)  # [Q, <=K]
    for start in range(0, len(bank), _BANK_CHUNK):
        similar = queries @ bank[start : start + _BANK_CHUNK].T  # [Q, chunk]
        values, position = _stable_topk(similar, min(k, similar.shape[1]))
        both = torch.cat([best, values], dim=1)  # [Q, <=2K]
        index = torch.cat([index, position + start], dim=1)
        best, position = _stable_topk(both, min(k, both.shape[1]))
        index = index.gather(1, position)
    return best, index


def _stable_topk(values: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """``values.topk(k)`` where of equal values the lower position comes first.

    topk promises nothing about equal values. One more than ``k`` shows in which rows a tie crosses
    the border, and only those rows (as a rule none) are chosen again.

    Args:
        values: [R, M]
        k: At most M.

    Returns:
        Values in descending order and their positions. [R, k] and [R, k]
    """
    top, position = values.topk(min(k + 1, values.shape[1]), dim=1)  # [R, k + 1]
    if top.shape[1] > k:
        tied = (top[:, k - 1] == top[:, k]).nonzero().squeeze(1)
        top, position = top[:, :k], position[:, :k]
        if len(tied):
            position = position.index_copy(0, tied, _first_at_border(values[tied], k))
    position = position.sort(dim=1).values  # [R, k] ascending position, for the stable sort
    top, order = values.gather(1, position).sort(dim=1, descending=True, stable=True)
    return top, position.gather(1, order)


def _first_at_border(values: Tensor, k: int) -> Tensor:
    """Positions, [R, k], of all values above the k-th and of the first ones equal to it."""
    border = values.topk(k, dim=1).values[:, -1:]  # [R, 1]
    above, equal = values > border, values == border  # [R, M]
    places_left = k - above.sum(dim=1, keepdim=True)  # [R, 1]
    chosen = above | (equal & (equal.cumsum(dim=1) <= places_left))
    return chosen.nonzero()[:, 1].reshape(len(values), k)


def _check_features(bank: Tensor, queries: Tensor, k: int) -> None:
    if bank.ndim != 2 or queries.ndim != 2 or bank.shape[1] != queries.shape[1]:
        raise ValueError(
            "expected bank [N, D] and queries [Q, D] of one D, "
            f"found {tuple(bank.shape)} and {tuple(queries.shape)}"
        )
    if not 1 <= k <= len(bank):
        raise ValueError(f"k must be from 1 to the {len(bank)} features of the bank, found {k}")
    for name, features in (("bank", bank), ("queries", queries)):
        bad = (~features.isfinite()).any(dim=1).nonzero().flatten()
        if len(bad):
            raise ValueError(
                f"{len(bad)} rows of {name} hold NaN or infinity, the first is {bad[0]}"
            )


def _check_labels(bank: Tensor, labels: Tensor, num_classes: int) -> None:
    if labels.shape != bank.shape[:1]:
        raise ValueError(
            f"every bank feature needs a label: {tuple(bank.shape)} features, "
            f"{tuple(labels.shape)} labels"
        )
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < num_classes:
        raise ValueError(
            f"labels must be from 0 to {num_classes - 1}, found {int(labels.min())} to "
            f"{int(labels.max())}; -1 as a rule marks an unlabelled image"
        )
