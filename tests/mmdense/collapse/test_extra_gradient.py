"""The extra gradient of each loss is what autograd gives beside the pull, and its split adds up."""

import math

import pytest
import torch
from torch.nn import functional as F

import mmdense  # noqa: F401
from mmdense.collapse import extra_gradient as eg

M, D = 12, 20


def unit(seed, count=M):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, D, generator=generator, dtype=torch.float64) + 0.5)


def descent(loss, at):
    (gradient,) = torch.autograd.grad(loss, at)
    return -gradient


def test_simsiam():
    p_a, p_b, z_b = unit(0).requires_grad_(), unit(1), unit(2)
    found = descent(-(p_a * z_b).sum(), p_a)
    assert torch.allclose(found, p_b + eg.simsiam_extra(z_b, p_b))


def test_mirror():
    z_a, z_b, p_b = unit(0).requires_grad_(), unit(1), unit(2)
    found = descent(-(z_a * p_b).sum(), z_a)
    assert torch.allclose(found, z_b + eg.mirror_extra(z_b, p_b))


def test_triplet():
    z_a, z_b, z_n = unit(0).requires_grad_(), unit(1), unit(2)
    found = descent(-(z_a * (z_b - z_n)).sum(), z_a)
    assert torch.allclose(found, z_b + eg.triplet_extra(z_n))


@pytest.mark.parametrize("temperature", [0.07, 0.5, 2.0])
def test_infonce(temperature):
    z_a, z_b = unit(0).requires_grad_(), unit(1)
    loss = F.cross_entropy(z_a @ z_b.T / temperature, torch.arange(M), reduction="sum")
    found = descent(temperature * loss, z_a)
    assert torch.allclose(found, z_b + eg.infonce_extra(z_a.detach(), z_b, temperature), atol=1e-9)


def test_infonce_of_flat_weights_removes_centre_and_covariance():
    # Small similarities against T: lambda_i ~ (1 + (s_i - mean s)/T)/N, so G_e ~ -o - C z/T.
    z_a, z_b = unit(0, 400), unit(1, 400)
    o_e, r_e = eg.split(eg.infonce_extra(z_a, z_b, 20.0))
    o = z_b.mean(dim=0)
    covariance = (z_b - o).T @ (z_b - o) / len(z_b)
    assert torch.allclose(o_e, -o, atol=0.02 * float(o.norm()))
    expected = -(z_a - z_a.mean(dim=0)) @ covariance / 20.0
    assert float((r_e - expected).norm() / expected.norm()) < 0.05


def test_split_adds_up_and_takes_a_known_centre():
    extra = unit(0)
    o_e, r_e = eg.split(extra)
    assert torch.allclose(o_e + r_e, extra)
    assert torch.allclose(r_e.mean(dim=0), torch.zeros(D, dtype=torch.float64), atol=1e-15)
    known = torch.ones(D, dtype=torch.float64)
    o_e, r_e = eg.split(extra, centre=known)
    assert o_e is known
    assert torch.allclose(r_e, extra - 1.0)


def test_centre_share_leaves_an_orthogonal_rest():
    o_e, o = unit(0)[0], 0.3 * unit(1)[0]
    eta = eg.centre_share(o_e, o)
    assert float((o_e - eta * o) @ o) == pytest.approx(0.0, abs=1e-12)
    assert float(eg.centre_share(-0.44 * o, o)) == pytest.approx(-0.44)
    assert math.isnan(float(eg.centre_share(o_e, torch.zeros(D, dtype=torch.float64))))


def test_a_bias_alone_pushes_away_from_the_centre():
    # The toy of a predictor that is one bias b: trained on imperfectly aligned views it turns
    # parallel to the centre of Z; SimSiam's eta_p is then negative and mirror SimSiam's positive.
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(512, 16, generator=generator) + 0.4
    views = [F.normalize(image + 0.8 * torch.randn(512, 16, generator=generator)) for _ in "ab"]
    bias = torch.zeros(16, requires_grad=True)
    optimiser = torch.optim.SGD([bias], lr=0.5)
    for _ in range(300):
        optimiser.zero_grad()
        loss = -(F.normalize(views[0] + bias) * views[1]).sum(dim=1).mean()
        loss.backward()
        optimiser.step()
    o_z = views[1].mean(dim=0)
    o_p = F.normalize(views[1] + bias.detach()).mean(dim=0)
    assert float(F.cosine_similarity(bias.detach(), o_z, dim=0)) > 0.95
    assert float(eg.centre_share(o_z - o_p, o_p)) < -0.02
    assert float(eg.centre_share(o_p - o_z, o_z)) > 0.02


def test_scaling_to_length_one_passes_the_tangential_part_only():
    z = (torch.randn(M, D, dtype=torch.float64) * 3).requires_grad_()
    target = unit(3)
    unit_z = F.normalize(z)
    (on_unit,) = torch.autograd.grad((unit_z * target).sum(), unit_z, retain_graph=True)
    (on_z,) = torch.autograd.grad((unit_z * target).sum(), z)
    assert torch.allclose(
        (on_z * z.detach()).sum(dim=1), torch.zeros(M, dtype=torch.float64), atol=1e-12
    )
    expected = eg.tangential(on_unit, unit_z.detach())
    found = eg.gradient_on_unit(on_z, z.detach())
    assert torch.allclose(found, expected.float(), atol=1e-5)
