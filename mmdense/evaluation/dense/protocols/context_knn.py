"""Segmentation by retrieval of labelled patches ("in-context", Hummingbird).

    score(query, c) = sum over the k nearest i of softmax_i(cos(query, key_i) / T) share_i(c)

Balazevic et al. 2023, "Towards In-Context Scene Understanding", section 3 and appendix on the
sampling of the memory; k = 30 and T = 0.02 are theirs. There the memory has patches of augmented
images; here images are not augmented. Void pixels have no share (open-hummingbird-eval gives them
class 0).

Letters: N patches of an image, M patches in memory, Q queries, D channels, C classes, K neighbours.
"""

import torch
from torch import Tensor

from mmdense.evaluation.knn import nearest_neighbours

__all__ = ["memory_share", "propagated", "sampled_patches"]

_QUERIES = 8192  # at a time: with their labels 4 * 8192 K C bytes, 11 MiB a class


def memory_share(memory: int, images: int, index: int) -> int:
    """Return how many patches of an image are in a memory that all images share equally."""
    return memory * (index + 1) // images - memory * index // images


def sampled_patches(shares: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Choose labelled patches of an image, those with rare classes first.

    The patches with the smallest x_j sum over the classes c of patch j of n_c are chosen, with x_j
    uniform in [0, 1) and n_c the number of patches with class c.

    Args:
        shares: Shares of the classes; a patch without labels has only zeros. [N, C]
        count: Number of patches; fewer are returned if fewer have labels.
        generator: Of x, on the CPU.

    Returns:
        Indices of patches. [<= count]
    """
    present = (shares > 0).float()  # [N, C]
    cost = present @ present.sum(dim=0)  # [N]
    cost = cost * torch.rand(len(cost), generator=generator).to(cost.device)
    cost[~present.any(dim=1)] = torch.inf
    labelled = int(present.any(dim=1).sum())
    return cost.topk(min(count, labelled), largest=False).indices


def propagated(
    keys: Tensor, shares: Tensor, queries: Tensor, *, k: int, temperature: float
) -> Tensor:
    """Return class scores of queries from their nearest keys by cosine similarity.

    Args:
        keys: Features in memory. [M, D]
        shares: Their classes. [M, C]
        queries: [Q, D]
        k: Number of neighbours, at most M.
        temperature: T.

    Returns:
        [Q, C]

    Raises:
        ValueError: A feature is not finite, or ``k`` or the temperature is out of range.
    """
    if temperature <= 0:
        raise ValueError(f"temperature must be positive, found {temperature}")
    scores = queries.new_empty(len(queries), shares.shape[1])  # [Q, C]
    for start in range(0, len(queries), _QUERIES):
        part = slice(start, start + _QUERIES)
        similar, index = nearest_neighbours(keys, queries[part], k=k)  # [<=Q, K] each
        weights = (similar / temperature).softmax(dim=1)
        scores[part] = torch.einsum("qk,qkc->qc", weights, shares[index])
    return scores
