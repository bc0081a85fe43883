"""Assignments of images to prototypes, and their cross entropy between a teacher and a student.

DINO: Caron et al. 2021, "Emerging Properties in Self-Supervised Vision Transformers", section 3.1.

Letters: T views of the teacher, V of the student, B images, R rows, K prototypes.
"""

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from mmdense.ssl.gather import max_over_ranks, sum_over_ranks

__all__ = [
    "centred_softmax",
    "cross_entropies",
    "entropies",
    "multi_view_terms",
    "sinkhorn_knopp",
]


def centred_softmax(logits: Tensor, *, center: Tensor, temperature: float | Tensor) -> Tensor:
    """Return the assignments of a teacher, centred and sharpened, in float32, [..., K].

    Args:
        logits: [..., K]
        center: Running mean of the logits. [K]
        temperature: tau of the teacher.
    """
    return ((logits.float() - center) / temperature).softmax(dim=-1)


def sinkhorn_knopp(logits: Tensor, *, temperature: float | Tensor, iterations: int = 3) -> Tensor:
    """Return assignments that use all prototypes equally, in float32, [R, K].

    The rows of all processes are assigned together. Caron et al. 2020, "Unsupervised Learning of
    Visual Features by Contrasting Cluster Assignments", appendix A.

    Args:
        logits: Rows of this process. [R, K]
        temperature: tau of the teacher; epsilon of the paper.
        iterations: Normalisations of prototypes and rows.
    """
    scaled = logits.float() / temperature
    shares = (scaled - max_over_ranks(scaled.max())).exp()  # [R, K]
    for _ in range(iterations):
        (used,) = sum_over_ranks([shares.sum(dim=0)])  # [K]
        shares = shares / used.clamp_min(torch.finfo(used.dtype).tiny)
        shares = shares / shares.sum(dim=1, keepdim=True)
    return shares


def cross_entropies(targets: Tensor, logits: Tensor, *, temperature: float) -> Tensor:
    """Return H(target, softmax(logits / tau)) of each row, in float32, [...].

    Args:
        targets: Sum to one in each row. [..., K]
        logits: Of the student. [..., K]
        temperature: tau of the student.
    """
    scaled = logits.float() / temperature
    return scaled.logsumexp(dim=-1) - (targets * scaled).sum(dim=-1)


def entropies(targets: Tensor) -> Tensor:
    """Return the entropy of each row of assignments, in nats, [...].

    Args:
        targets: [..., K]
    """
    return torch.special.entr(targets).sum(dim=-1)


def multi_view_terms(
    targets: Tensor, views: int, *, temperature: float
) -> list[Callable[[Tensor], Tensor]]:
    """Return a function for each view of the student, from its logits [B, K] to its terms, [B].

    The terms of all views sum to the mean cross entropy over the T (V - 1) pairs of a view of the
    teacher and another view of the student (equation 3 of DINO).

    Args:
        targets: Assignments of the teacher to the first T views. [T, B, K]
        views: V.
        temperature: tau of the student.

    Raises:
        ValueError: There is no pair, or the teacher has more views than the student.
    """
    teachers = len(targets)
    if not 1 <= teachers <= views or views < 2:
        raise ValueError(
            f"{teachers} views of the teacher and {views} of the student make no pair of different "
            "views. Give the student two views or more, and the teacher the first of them."
        )
    pairs = teachers * (views - 1)
    total = targets.sum(dim=0)  # [B, K]

    def terms(view: int, logits: Tensor) -> Tensor:
        others, count = total, teachers
        if view < teachers:
            others, count = total - targets[view], teachers - 1
        scaled = logits.float() / temperature
        return (count * scaled.logsumexp(dim=-1) - (others * scaled).sum(dim=-1)) / pairs

    return [functools.partial(terms, view) for view in range(views)]
