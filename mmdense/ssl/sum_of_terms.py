"""A sum of many terms, in the memory of one."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["sum_of_terms"]


def sum_of_terms(
    terms: Sequence[Callable[[Tensor], Tensor]],
    inputs: Sequence[Tensor],
    parameters: Iterable[Tensor],
) -> Tensor:
    """Return the sum of ``term(input)`` over all pairs, [].

    The gradients of a term are computed as soon as the term is, so nothing of it is kept for the
    backward pass: the memory does not depend on the number of terms, and nothing is computed twice.

    Args:
        terms: Functions to a scalar. They may use ``parameters`` and tensors without gradients.
        inputs: One for each term, with or without gradients.
        parameters: All other tensors that get gradients.
    """
    learned = [parameter for parameter in parameters if parameter.requires_grad]
    if not torch.is_grad_enabled() or not (learned or any(x.requires_grad for x in inputs)):
        return torch.stack([term(x) for term, x in zip(terms, inputs, strict=True)]).sum()
    return _SumOfTerms.apply(list(terms), len(inputs), *inputs, *learned)


class _SumOfTerms(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, terms: list, count: int, *tensors: Tensor) -> Tensor:
        inputs, learned = tensors[:count], tensors[count:]
        total: Tensor | None = None
        of_learned: list[Tensor | None] = [None] * len(learned)
        of_inputs: list[Tensor | None] = []
        for term, given in zip(terms, inputs, strict=True):
            own = given.detach().requires_grad_(given.requires_grad)
            with torch.enable_grad():
                value = term(own)
                wanted = [*([own] if own.requires_grad else []), *learned]
                found: list[Tensor | None] = [None] * len(wanted)
                if value.requires_grad:
                    found = list(torch.autograd.grad(value, wanted, allow_unused=True))
            of_inputs.append(found.pop(0) if own.requires_grad else None)
            for place, gradient in enumerate(found):
                kept = of_learned[place]
                if kept is None:
                    of_learned[place] = gradient
                elif gradient is not None:
                    of_learned[place] = kept.add_(gradient)
            total = value.detach() if total is None else total + value.detach()
        ctx.gradients = [*of_inputs, *of_learned]
        assert total is not None
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple:
        return None, None, *(None if one is None else one * gradient for one in ctx.gradients)
