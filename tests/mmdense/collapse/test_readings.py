"""Readings of a step, a batch, a gradient and a set of images."""

import math

import pytest
import torch
from torch.nn import functional as F

import mmdense  # noqa: F401
from mmdense.collapse import decompose, readings
from mmdense.collapse.decorrelation import decorrelation_loss


def views(count=64, channels=24, seed=0):
    generator = torch.Generator().manual_seed(seed)
    image = torch.randn(count, channels, generator=generator) + 0.4
    return [image + 0.5 * torch.randn(count, channels, generator=generator) for _ in range(2)]


def own(parts):
    return list(parts)


def test_step_readings_are_those_of_both_views():
    z = views()
    values, centre = readings.step_readings(z, own)
    found = dict(zip(readings.STEP, values.tolist(), strict=True))
    unit = F.normalize(torch.cat(z).double())
    o = unit.mean(dim=0)
    assert torch.allclose(centre, o, atol=1e-6)
    assert found["m_o"] == pytest.approx(float(o.norm()), abs=1e-6)
    assert found["m_r"] == pytest.approx(float((unit - o).norm(dim=1).mean()), abs=1e-6)
    assert found["std"] == pytest.approx(float(unit.std(dim=0).mean()), abs=1e-6)
    assert found["norm"] == pytest.approx(float(torch.cat(z).norm(dim=1).mean()), abs=1e-4)


def test_step_readings_of_two_processes_are_those_of_one():
    # Sums of uneven shares (20 and 44 images) are added before any ratio is taken.
    z = views()
    shares = [[view[:20] for view in z], [view[20:] for view in z]]
    units = [decompose.unit_vectors(torch.cat(share)) for share in shares]
    lengths = [torch.cat(share).norm(dim=1).sum(dtype=torch.float64) for share in shares]
    sums = [[*decompose.moments(unit), length] for unit, length in zip(units, lengths)]
    added = [a + b for a, b in zip(*sums)]
    centre = added[1] / added[0]
    residual = sum(decompose.residual_norm_sum(unit, centre) for unit in units)
    answers = iter([added, [residual]])
    found, _ = readings.step_readings(shares[0], lambda parts: next(answers))
    whole, _ = readings.step_readings(z, own)
    assert torch.allclose(found, whole)


def test_one_image_has_no_deviation_and_zeros_no_direction():
    values, _ = readings.step_readings([torch.rand(1, 8)], own)
    assert math.isnan(float(values[2]))
    values, _ = readings.step_readings([torch.zeros(4, 8)], own)
    assert values.tolist() == [0.0, 0.0, 0.0, 0.0]
    values, _ = readings.step_readings([torch.full((4, 8), math.nan)], own)
    assert math.isnan(float(values[0]))


def test_batch_readings():
    z = views()
    found = readings.batch_readings(z)
    unit = [F.normalize(view) for view in z]
    assert set(found) == {
        "covariance",
        "participation_ratio",
        "rank",
        "uniformity",
        "alignment",
    }
    assert found["covariance"] == pytest.approx(float(decorrelation_loss(unit[0])))
    expected = float((unit[0] - unit[1]).square().sum(dim=1).mean())
    assert found["alignment"] == pytest.approx(expected, rel=1e-5)
    assert 1.0 <= found["participation_ratio"] <= found["rank"] <= 24.0
    assert "alignment" not in readings.batch_readings(z[:1])


def test_batch_readings_with_predictions():
    z = views()
    bias = torch.cat([F.normalize(view) for view in z]).mean(dim=0)
    p = [F.normalize(view) + 2 * bias for view in z]  # a predictor that adds the centre
    found = readings.batch_readings(z, p)
    assert found["eta_p"] < 0.0 < found["eta_z"]
    assert found["rank_gap"] == pytest.approx(0.0, abs=1.5)


def test_more_images_than_channels_and_the_other_way():
    for count, channels in ((40, 4), (4, 40)):
        found = readings.batch_readings(views(count, channels))
        assert found["rank"] <= min(count - 1, channels) + 1e-6


def gradient(loss, z):
    (found,) = torch.autograd.grad(loss, z)
    return found * len(z)


def test_the_gradient_of_simsiam_is_split_as_its_formula_says():
    # -P_a . Z_b, weighed by 1/2: Z_b is a multiple of P_b + G_e, seen where tangential at P_a.
    p_a, p_b = views()
    z_b = views(seed=1)[0]
    p_a.requires_grad_()
    loss = 0.5 * -(F.normalize(p_a) * F.normalize(z_b)).sum(dim=1).mean()
    found = readings.gradient_readings(p_a.detach(), gradient(loss, p_a), p_b)
    at, pull, whole = (F.normalize(x.detach()) for x in (p_a, p_b, z_b))
    pull, whole = (x - (x * at).sum(dim=1, keepdim=True) * at for x in (pull, whole))
    extra = whole * (pull.square().sum() / (whole * pull).sum()) - pull
    assert float((extra * pull).sum()) == pytest.approx(0.0, abs=1e-3)
    o_e = extra.mean(dim=0)
    assert found["o_e"] == pytest.approx(float(o_e.norm()), rel=1e-4)
    assert found["r_e"] == pytest.approx(float((extra - o_e).norm(dim=1).mean()), rel=1e-4)


def test_two_equal_branches_have_no_extra_gradient():
    z_a, z_b = views()
    z_a.requires_grad_()
    loss = -3.0 * (F.normalize(z_a) * F.normalize(z_b)).sum(dim=1).mean()
    found = readings.gradient_readings(z_a.detach(), gradient(loss, z_a), z_b)
    assert found["o_e"] == pytest.approx(0.0, abs=1e-5)
    assert found["r_e"] == pytest.approx(0.0, abs=1e-4)


def test_a_decorrelating_loss_is_seen_as_one():
    z_a, z_b = views()
    z_a.requires_grad_()
    unit = F.normalize(z_a)
    pull = -(unit * F.normalize(z_b)).sum(dim=1).mean()
    loss = pull + 50.0 * decorrelation_loss(unit)
    found = readings.gradient_readings(z_a.detach(), gradient(loss, z_a), z_b)
    assert found["r_e_decorrelates"] > 0.99


def test_no_gradient_gives_no_reading():
    z_a, z_b = views()
    found = readings.gradient_readings(z_a, torch.zeros_like(z_a), z_b)
    assert all(math.isnan(value) for value in found.values())


def test_space_readings():
    features = torch.randn(200, 16, generator=torch.Generator().manual_seed(0)) + 1.0
    found, values = readings.space_readings(features)
    assert len(values) == 16
    assert found["eigenvalue_rank"] > 14
    assert found["rank_me"] < found["centred_rank_me"]
    assert found["m_o"] == pytest.approx(float(F.normalize(features).mean(dim=0).norm()), abs=1e-5)
    assert math.isfinite(found["alpha_req"])
