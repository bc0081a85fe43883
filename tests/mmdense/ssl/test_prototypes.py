"""Assignments and cross entropies against loops, and sums whose gradients come at once."""

import math

import pytest
import torch
from torch import distributed as dist
from torch.nn import functional as F

from mmdense.ssl.prototypes import (
    centred_softmax,
    cross_entropies,
    entropies,
    multi_view_terms,
    sinkhorn_knopp,
)
from mmdense.ssl.sum_of_terms import sum_of_terms
from tests.references import dino_loop
from tests.two_processes import in_two_processes

B, K = 3, 5


def logits(*shape):
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("teachers", "views"), [(2, 2), (2, 5), (1, 3)])
def test_views_are_compared_as_in_a_loop_over_pairs(teachers, views):
    of_views = logits(views, B, K)
    targets = logits(teachers, B, K).softmax(dim=-1)
    terms = multi_view_terms(targets, views, temperature=0.1)
    found = sum(term(view) for term, view in zip(terms, of_views, strict=True))
    for image in range(B):
        wanted = dino_loop.mean_over_pairs(
            targets[:, image].tolist(), of_views[:, image].tolist(), 0.1
        )
        assert float(found[image]) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(("teachers", "views"), [(1, 1), (3, 2), (0, 2)])
def test_views_that_make_no_pair(teachers, views):
    with pytest.raises(ValueError, match="pair of different views"):
        multi_view_terms(torch.ones(teachers, B, K), views, temperature=0.1)


def test_assignments_of_the_teacher():
    # (1 - 0) / 0.5 = 2 and (1 - 1) / 0.5 = 0: softmax of 2 and 0
    found = centred_softmax(
        torch.tensor([1.0, 1.0]), center=torch.tensor([0.0, 1.0]), temperature=0.5
    )
    assert found.tolist() == pytest.approx([math.exp(2) / (math.exp(2) + 1), 1 / (math.exp(2) + 1)])
    uniform = torch.full((2, K), 1 / K)
    assert entropies(uniform).tolist() == pytest.approx([math.log(K)] * 2)
    assert entropies(torch.eye(K)).tolist() == [0.0] * K
    collapsed = cross_entropies(uniform, torch.zeros(2, K), temperature=0.1)
    assert collapsed.tolist() == pytest.approx([math.log(K)] * 2)


@pytest.mark.parametrize("iterations", [1, 3, 60])
def test_sinkhorn_equals_a_loop(iterations):
    rows = 0.1 * logits(6, 4)
    found = sinkhorn_knopp(rows, temperature=0.05, iterations=iterations)
    wanted = torch.tensor(dino_loop.sinkhorn(rows.tolist(), 0.05, iterations))
    assert torch.allclose(found, wanted.float(), atol=1e-5)
    if iterations == 60:
        assert found.sum(dim=0).tolist() == pytest.approx([6 / 4] * 4, rel=1e-3)


def test_sinkhorn_of_large_logits_is_finite():
    found = sinkhorn_knopp(torch.tensor([[300.0, -300.0], [-300.0, 300.0]]), temperature=0.04)
    assert torch.equal(found, torch.eye(2))


def test_sinkhorn_assigns_the_rows_of_two_processes_together(tmp_path):
    rows = logits(5, 4).float()

    def own_rows():
        own = rows[:2] if dist.get_rank() == 0 else rows[2:]
        return sinkhorn_knopp(own, temperature=0.1)

    found = torch.cat(in_two_processes(own_rows, tmp_path))
    assert torch.allclose(found, sinkhorn_knopp(rows, temperature=0.1), atol=1e-6)


def test_a_sum_of_terms_has_the_value_and_gradients_of_plain_autograd():
    weight = logits(4, 2).requires_grad_()
    unused = logits(2).requires_grad_()
    inputs = [logits(3, 4).requires_grad_(), logits(1, 4), logits(2, 4).requires_grad_()]

    def term(rows):
        return F.gelu(rows @ weight).sum()

    def own(rows):
        return sum_of_terms([term] * 3, rows, [weight, unused])

    total = own(inputs)
    found = torch.autograd.grad(3 * total, [*inputs[::2], weight])
    plain = sum(term(rows) for rows in inputs)
    wanted = torch.autograd.grad(3 * plain, [*inputs[::2], weight])
    assert torch.equal(total, plain)
    assert all(torch.allclose(a, b) for a, b in zip(found, wanted, strict=True))
    with torch.no_grad():
        assert torch.equal(own(inputs), plain)


def test_frozen_parameters_get_no_gradient():
    weight = logits(4, 2)
    rows = logits(3, 4).requires_grad_()
    sum_of_terms([lambda x: (x @ weight).sum()], [rows], [weight]).backward()
    assert torch.allclose(rows.grad, weight.sum(dim=1).expand(3, 4))
