"""Pure losses against loops and formulas."""

import math

import pytest
import torch
from torch.nn import functional as F

import mmdense  # noqa: F401
from mmdense.ssl.losses import infonce_losses
from projects.simsiam_decomp.losses import (
    centre_loss,
    cosine_distances,
    dual_temperature_losses,
    variance_loss,
)


def unit(seed, count=6, channels=5):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(count, channels, generator=generator, dtype=torch.float64)
    return F.normalize(rows + 0.4)


def test_cosine_distances():
    a = torch.tensor([[2.0, 0.0], [1.0, 1.0]])
    b = torch.tensor([[3.0, 0.0], [1.0, 0.0]])
    assert cosine_distances(a, b).tolist() == pytest.approx([-1.0, -math.sqrt(0.5)])


def test_the_gradient_of_the_centre_loss_is_that_of_a_push_against_the_stopped_centre():
    z = unit(0).requires_grad_()
    (found,) = torch.autograd.grad(centre_loss(z), z)
    (expected,) = torch.autograd.grad((z * z.mean(dim=0).detach()).sum(dim=1).mean(), z)
    assert torch.allclose(found, expected)


def test_dual_temperature_swaps_the_scalar_of_the_gradient():
    # dL/dq of InfoNCE is (1 - P)/T times a vector; dual temperature keeps the vector of one
    # temperature and takes the scalar of the other.
    z_a, z_b = unit(0).requires_grad_(), unit(1)
    options = {"temperature": 0.1, "inter_temperature": 1.0}
    (found,) = torch.autograd.grad(dual_temperature_losses(z_a, z_b, **options).sum(), z_a)
    (narrow,) = torch.autograd.grad(infonce_losses(z_a, z_b, temperature=0.1).sum(), z_a)
    shares = [torch.exp(-infonce_losses(z_a, z_b, temperature=t)).detach() for t in (0.1, 1.0)]
    expected = narrow * ((1 - shares[1]) / (1 - shares[0]))[:, None]
    assert torch.allclose(found, expected)


def test_dual_temperature_stays_finite_where_no_negative_counts():
    z = torch.eye(3).requires_grad_()
    loss = dual_temperature_losses(z, z.detach(), temperature=1e-3, inter_temperature=1.0).sum()
    loss.backward()
    assert float(loss) == 0.0
    assert bool(z.grad.isfinite().all())


def test_variance_loss():
    # Channel 0: std 2 (above 1, no loss); channel 1: variance 0, sqrt(1e-4) = 0.01, short by 0.99.
    z = torch.tensor([[0.0, 5.0], [2.0 * math.sqrt(2.0), 5.0]])
    assert float(variance_loss(z)) == pytest.approx(0.99 / 2)
    with pytest.raises(ValueError, match="two images, found 1.*train_dataloader.batch_size"):
        variance_loss(z[:1])
