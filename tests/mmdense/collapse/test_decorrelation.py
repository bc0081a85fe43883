"""The de-correlation loss: a loop over channels, its gradient, its floor and ceiling."""

import math

import pytest
import torch
from torch.nn import functional as F

from mmdense.collapse import decorrelation as dc


def unit(count, channels, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, channels, generator=generator, dtype=torch.float64) + 0.2)


def slow(vectors):
    """Algorithm 6 with loops over the channels."""
    count, channels = vectors.shape
    centred = vectors - vectors.mean(dim=0)
    covariance = centred.T @ centred / (count - 1)
    total = 0.0
    for i in range(channels):
        for j in range(channels):
            total += float(covariance[i, j] ** 2) if i != j else 0.0
    return total / channels


@pytest.mark.parametrize(("count", "channels"), [(5, 9), (9, 5), (6, 6), (2, 3)])
def test_equals_the_matrix_of_channels(count, channels):
    vectors = unit(count, channels)
    assert float(dc.decorrelation_loss(vectors)) == pytest.approx(slow(vectors), rel=1e-9)


@pytest.mark.parametrize(("count", "channels"), [(5, 9), (9, 5)])
def test_gradient_in_closed_form(count, channels):
    vectors = unit(count, channels).requires_grad_()
    (expected,) = torch.autograd.grad(dc.decorrelation_loss(vectors), vectors)
    found = dc.decorrelation_gradient(vectors.detach())
    assert torch.allclose(found, expected, atol=1e-14)
    assert float(found.mean(dim=0).abs().max()) < 1e-15


def test_independent_directions_have_the_floor():
    found = float(dc.decorrelation_loss(unit(256, 2048) - unit(256, 2048).mean(dim=0)))
    assert found == pytest.approx(dc.decorrelation_floor(256, 2048), rel=0.1)


@pytest.mark.parametrize("channels", [128, 2048])
def test_a_line_has_the_ceiling(channels):
    # u = (1, ..., 1)/sqrt(D): every covariance is 1/D (up to N/(N-1)); the loss is (D - 1)/D^2.
    direction = torch.full((1, channels), 1 / math.sqrt(channels), dtype=torch.float64)
    vectors = direction * torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(200)[:, None]
    found = float(dc.decorrelation_loss(vectors))
    assert found == pytest.approx((channels - 1) / channels**2 * (400 / 399) ** 2, rel=1e-9)
    assert found == pytest.approx(dc.decorrelation_ceiling(channels), rel=0.02)


def test_one_vector_is_refused():
    for function in (dc.decorrelation_loss, dc.decorrelation_gradient):
        with pytest.raises(ValueError, match="two vectors, found 1"):
            function(unit(1, 4))
