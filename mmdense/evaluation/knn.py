"""Weighted k-nearest-neighbour classification of frozen features, exact and in chunks.

    score(query, c) = sum over the k nearest i with label c of exp(cos(query, bank_i) / T)

Wu et al. 2018, "Unsupervised Feature Learning via Non-Parametric Instance Discrimination",
section 3.4. k = 20, 200 and T = 0.07 are those of DINO (Caron et al. 2021).

Letters: N bank, Q queries, D feature channels, K neighbours, C classes.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

# A block of similarities needs 64 MiB in float32, for a bank of any size.
_QUERY_CHUNK = 512
_BANK_CHUNK = 32768
_STRIPES = 16  # columns of a block in one group of the search for the largest values


def knn_classify(
    bank: Tensor,
    bank_labels: Tensor,
    queries: Tensor,
    *,
    ks: Sequence[int],
    num_classes: int,
    temperature: float = 0.07,
) -> dict[int, Tensor]:
    """Return class scores of the queries by their nearest neighbours, for several k.

    Args:
        bank: Labelled features; they need not be normalised. [N, D]
        bank_labels: Their classes, from 0 to C - 1. [N]
        queries: Features to classify. [Q, D]
        ks: Numbers of neighbours.
        num_classes: C.
        temperature: T; a smaller value gives more weight to the nearest neighbours.

    Returns:
        Class scores for each k; each row sums to one. [Q, C] each

    Raises:
        ValueError: A shape, a label, a feature or the temperature is invalid.
    """
    _check_labels(bank, bank_labels, num_classes)
    if temperature <= 0:
        raise ValueError(f"temperature must be positive, found {temperature}")
    similarities, index = nearest_neighbours(bank, queries, k=max(ks))
    labels = bank_labels.to(index.device)[index]  # [Q, K]
    scores = {}
    for k in ks:
        weights = (similarities[:, :k] / temperature).softmax(dim=1)  # [Q, k]
        shares = weights.new_zeros(len(weights), num_classes)  # [Q, C]
        scores[k] = shares.scatter_add_(1, labels[:, :k], weights)
    return scores


@torch.no_grad()
def nearest_neighbours(bank: Tensor, queries: Tensor, *, k: int) -> tuple[Tensor, Tensor]:
    """Return the ``k`` bank features with the largest cosine similarity, nearest first.

    For equal similarities the lower index comes first. The bank is read in chunks, so it can be in
    a memory-mapped file, or on another device than the queries. Similarities are computed on the
    device of the queries.

    Args:
        bank: Features. [N, D]
        queries: Features. [Q, D]
        k: Number of neighbours of each query, at most N.

    Returns:
        Similarities and bank indices. [Q, K] and [Q, K]

    Raises:
        ValueError: As :func:`knn_classify`.
    """
    _check_features(bank, queries, k)
    parts = F.normalize(queries, dim=1).split(_QUERY_CHUNK)  # [<=chunk, D] each
    # For each part of the queries: the best similarities so far and their indices in the bank.
    best = [part.new_empty(len(part), 0) for part in parts]
    index = [torch.empty(len(part), 0, dtype=torch.long, device=part.device) for part in parts]
    block = queries.new_empty(len(parts[0]) * min(_BANK_CHUNK, len(bank)))  # reused
    for start in range(0, len(bank), _BANK_CHUNK):
        chunk = bank[start : start + _BANK_CHUNK].to(queries.device)
        chunk = F.normalize(chunk, dim=1)  # [M, D]
        for i, part in enumerate(parts):
            similar = block[: len(part) * len(chunk)].view(len(part), len(chunk))  # [R, M]
            torch.mm(part, chunk.T, out=similar)
            found = _first_largest(similar, min(k, len(chunk)))  # [R, <=K]
            both = torch.cat([best[i], similar.gather(1, found)], dim=1)  # [R, <=2K]
            places = torch.cat([index[i], found + start], dim=1)
            kept = _first_largest(both, min(k, both.shape[1]))  # [R, <=K]
            best[i], index[i] = both.gather(1, kept), places.gather(1, kept)
    values, order = torch.cat(best).sort(dim=1, descending=True, stable=True)  # [Q, K]
    return values, torch.cat(index).gather(1, order)


def _first_largest(values: Tensor, k: int) -> Tensor:
    """Positions of the ``k`` largest values; among values equal to the k-th, the first ones.

    The order of equal values is not defined in topk. So ``k + 1`` values show the rows with a tie
    at position k, and only these rows, usually none, are computed again.

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
    """``values.topk(k)``, several times faster, by a search over the maxima of groups of columns.

    With S stripes of width W, the columns j, j + W, j + 2 W ... are a group. A value outside the
    ``k`` groups with the largest maxima is not above those ``k`` maxima, so only k * S columns are
    searched.

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
    """Return the indices of rows of ``features`` [N, D] with NaN or infinity, ascending."""
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
        raise ValueError(f"k must be from 1 to {len(bank)}, the size of the bank, found {k}")
    for name, features in (("bank", bank), ("queries", queries)):
        bad = non_finite_rows(features)
        if len(bad):
            raise ValueError(
                f"{len(bad)} rows of {name} contain NaN or infinity, the first is row {bad[0]}"
            )


def _check_labels(bank: Tensor, labels: Tensor, num_classes: int) -> None:
    if labels.shape != bank.shape[:1]:
        raise ValueError(
            f"bank and labels must have the same length, found {tuple(bank.shape)} and "
            f"{tuple(labels.shape)}"
        )
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < num_classes:
        raise ValueError(
            f"labels must be from 0 to {num_classes - 1}, found {int(labels.min())} to "
            f"{int(labels.max())}; -1 usually means that an image has no label"
        )
