"""Weighted k-nearest-neighbour classification of frozen features, exact and in chunks.

    score(query, c) = sum over the k nearest i with label c of exp(cos(query, bank_i) / T)

Wu et al. 2018, "Unsupervised Feature Learning via Non-Parametric Instance Discrimination",
section 3.4; with k of 20 and 200 and T = 0.07 as in DINO (Caron et al. 2021).

Letters: N bank, Q queries, D feature channels, K neighbours, C classes.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

# A block of similarities takes 64 MiB in float32, whatever the size of the bank.
_QUERY_CHUNK = 512
_BANK_CHUNK = 32768
_STRIPES = 16  # columns of a block that stand for each other in the search for the greatest


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
    return knn_classify_each(
        bank, bank_labels, queries, ks=[k], num_classes=num_classes, temperature=temperature
    )[k]


def knn_classify_each(
    bank: Tensor,
    bank_labels: Tensor,
    queries: Tensor,
    *,
    ks: Sequence[int],
    num_classes: int,
    temperature: float = 0.07,
) -> dict[int, Tensor]:
    """As :func:`knn_classify` for several k, from one search for the greatest of them.

    Args:
        bank: As there. [N, D]
        bank_labels: As there. [N]
        queries: As there. [Q, D]
        ks: Numbers of neighbours that vote.
        num_classes: C.
        temperature: T.

    Returns:
        Shares of the vote for each k. [Q, C] each

    Raises:
        ValueError: As :func:`knn_classify`.
    """
    _check_labels(bank, bank_labels, num_classes)
    similarities, index = nearest_neighbours(bank, queries, k=max(ks))
    labels = bank_labels.to(index.device)[index]  # [Q, K]
    return {
        k: vote(
            similarities[:, :k], labels[:, :k], num_classes=num_classes, temperature=temperature
        )
        for k in ks
    }


@torch.no_grad()
def nearest_neighbours(bank: Tensor, queries: Tensor, *, k: int) -> tuple[Tensor, Tensor]:
    """The ``k`` bank features of greatest cosine similarity, nearest first.

    Of equally near ones the lower index counts as nearer. The bank is walked through in chunks, so
    it may lie in a mapped file, or on another device than the queries, which decide where the
    similarities are computed.

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
    parts = F.normalize(queries, dim=1).split(_QUERY_CHUNK)  # [<=chunk, D] each
    # Per part of the queries: the best so far and where they lie, in the order of the bank.
    best = [part.new_empty(len(part), 0) for part in parts]
    index = [torch.empty(len(part), 0, dtype=torch.long, device=part.device) for part in parts]
    block = queries.new_empty(len(parts[0]) * min(_BANK_CHUNK, len(bank)))  # one memory for all
    for start in range(0, len(bank), _BANK_CHUNK):
        chunk = bank[start : start + _BANK_CHUNK].to(queries.device)
        chunk = F.normalize(chunk, dim=1)  # [M, D]
        for i, part in enumerate(parts):
            similar = block[: len(part) * len(chunk)].view(len(part), len(chunk))  # [R, M]
            torch.mm(part, chunk.T, out=similar)
            found = _first_greatest(similar, min(k, len(chunk)))  # [R, <=K]
            both = torch.cat([best[i], similar.gather(1, found)], dim=1)  # [R, <=2K]
            places = torch.cat([index[i], found + start], dim=1)
            kept = _first_greatest(both, min(k, both.shape[1]))  # [R, <=K]
            best[i], index[i] = both.gather(1, kept), places.gather(1, kept)
    values, order = torch.cat(best).sort(dim=1, descending=True, stable=True)  # [Q, K]
    return values, torch.cat(index).gather(1, order)


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


def _first_greatest(values: Tensor, k: int) -> Tensor:
    """Positions of the ``k`` greatest values; of equal ones at the border the first are taken.

    topk promises nothing about equal values. One more than ``k`` shows in which rows a tie crosses
    the border, and only those rows (as a rule none) are chosen again.

    Args:
        values: [R, M]
        k: At most M.

    Returns:
        Positions in ascending order. [R, k]
    """
    if k == values.shape[1]:
        return torch.arange(k, device=values.device).expand(len(values), k)
    top, position = _topk(values, k + 1)  # [R, k + 1]
    tied = (top[:, k - 1] == top[:, k]).nonzero().squeeze(1)
    position = position[:, :k]
    if len(tied):
        chosen = _first_at_border(values[tied], top[tied, k - 1 : k], k)
        position = position.index_copy(0, tied, chosen)
    return position.sort(dim=1).values


def _topk(values: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """``values.topk(k)`` in several times less time, by way of the greatest of every few columns.

    With S stripes of width W, the columns j, j + W, j + 2 W ... are represented by the greatest of
    them. A value outside the ``k`` best groups has ``k`` values above or equal to it inside, so the
    search ends in k * S columns.

    Args:
        values: [R, M]
        k: At most M.

    Returns:
        Values in descending order and their positions. [R, k] and [R, k]
    """
    width = values.shape[1] // _STRIPES
    if width <= 2 * k:
        return values.topk(k, dim=1)
    striped = values[:, : width * _STRIPES].unflatten(1, (_STRIPES, width))  # [R, S, W]
    groups = striped.amax(dim=1).topk(k, dim=1, sorted=False).indices  # [R, k]
    offsets = width * torch.arange(_STRIPES, device=values.device)  # [S]
    rest = torch.arange(width * _STRIPES, values.shape[1], device=values.device)  # [< S]
    columns = torch.cat(
        [(groups[:, None] + offsets[:, None]).flatten(1), rest.expand(len(values), -1)], dim=1
    )  # [R, k * S + rest]
    top, place = values.gather(1, columns).topk(k, dim=1)  # [R, k]
    return top, columns.gather(1, place)


def _first_at_border(values: Tensor, border: Tensor, k: int) -> Tensor:
    """Positions, [R, k], of the values [R, M] above the border [R, 1] and the first equal to it."""
    above, equal = values > border, values == border  # [R, M]
    places_left = k - above.sum(dim=1, keepdim=True)  # [R, 1]
    chosen = above | (equal & (equal.cumsum(dim=1, dtype=torch.int32) <= places_left))
    return chosen.nonzero()[:, 1].reshape(len(values), k)


def non_finite_rows(features: Tensor) -> Tensor:
    """Indices, ascending, of the rows of ``features`` [N, D] that hold NaN or infinity."""
    bad = [
        start + (~features[start : start + _BANK_CHUNK].isfinite()).any(dim=1).nonzero().flatten()
        for start in range(0, len(features), _BANK_CHUNK)
    ]
    return torch.cat(bad) if bad else torch.empty(0, dtype=torch.long)


def _check_features(bank: Tensor, queries: Tensor, k: int) -> None:
    if bank.ndim != 2 or queries.ndim != 2 or bank.shape[1] != queries.shape[1]:
        raise ValueError(
            "expected bank [N, D] and queries [Q, D] of one D, "
            f"found {tuple(bank.shape)} and {tuple(queries.shape)}"
        )
    if not 1 <= k <= len(bank):
        raise ValueError(f"k must be from 1 to the {len(bank)} features of the bank, found {k}")
    for name, features in (("bank", bank), ("queries", queries)):
        bad = non_finite_rows(features)
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
