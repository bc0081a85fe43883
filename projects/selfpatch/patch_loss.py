"""Cross entropy between patches of the student and assignments of the teacher, in chunks.

Yun et al. 2022, "Patch-level Representation Learning for Self-supervised Vision Transformers",
section 3.2, equation 5 by the authors' code.

Letters: R patches of one group of views, D channels, K prototypes.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from mmdense.ssl.prototypes import cross_entropies, entropies
from mmdense.ssl.sum_of_terms import sum_of_terms

__all__ = ["mean_neighbour", "patch_loss"]


def patch_loss(
    patches: Sequence[Tensor],
    neighbours: Sequence[Tensor],
    *,
    weights: Sequence[float],
    predict: Callable[[Tensor], Tensor],
    assign: Callable[[Tensor], Tensor],
    parameters: Iterable[Tensor],
    temperature: float,
    chunk: int = 4096,
) -> tuple[Tensor, Tensor]:
    """Return the weighted sum over groups of the mean cross entropy of a group, [], [].

    The second value is the same of the entropy of the assignments, without gradients. Both heads
    run on one chunk at a time, so the memory does not grow with the number of patches.

    Args:
        patches: Of the student, one tensor a group. [R, D] each
        neighbours: What the teacher makes of the neighbours of each patch. [R, D] each
        weights: Of the groups; they sum to 1 for a mean.
        predict: The head of the student, from [R, D] to logits [R, K].
        assign: The head of the teacher, from [R, D] to assignments [R, K], without gradients.
        parameters: Of the head of the student.
        temperature: tau of the student.
        chunk: Largest number of patches at a time.
    """
    terms: list[_Term] = []
    inputs: list[Tensor] = []
    for rows, targets, weight in zip(patches, neighbours, weights, strict=True):
        for some, target in zip(rows.split(chunk), targets.split(chunk), strict=True):
            inputs.append(some)
            terms.append(_Term(predict, assign, target, weight / len(rows), temperature))
    loss = sum_of_terms(terms, inputs, parameters)
    return loss, torch.stack([term.entropy for term in terms]).sum()


class _Term:
    """The sum of the cross entropies of a chunk, times the weight of a patch.

    Attributes:
        entropy: The same of the entropies of the assignments, after the call.
    """

    entropy: Tensor

    def __init__(
        self,
        predict: Callable[[Tensor], Tensor],
        assign: Callable[[Tensor], Tensor],
        target: Tensor,
        weight: float,
        temperature: float,
    ) -> None:
        self.predict, self.assign = predict, assign
        self.target, self.weight, self.temperature = target, weight, temperature

    def __call__(self, rows: Tensor) -> Tensor:
        targets = self.assign(self.target)
        self.entropy = self.weight * entropies(targets).sum()
        found = cross_entropies(targets, self.predict(rows), temperature=self.temperature)
        return self.weight * found.sum()


def mean_neighbour(patches: Tensor, index: Tensor, exists: Tensor) -> Tensor:
    """Return the mean of the neighbours of each patch, [B, N, D].

    Args:
        patches: [B, N, D]
        index: Places of the neighbours. [B, N, k]
        exists: Which of them count; at least one for each patch. [B, N, k]
    """
    places = index.flatten(1)[..., None].expand(-1, -1, patches.shape[-1])  # [B, N k, D]
    near = patches.gather(1, places).unflatten(1, index.shape[1:])  # [B, N, k, D]
    shares = exists.to(near.dtype) / exists.sum(dim=-1, keepdim=True)  # [B, N, k]
    return (near * shares[..., None]).sum(dim=2)
