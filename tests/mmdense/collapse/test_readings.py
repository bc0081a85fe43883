"""Readings of a step, a batch, a gradient and a set of images."""

import math

import pytest
import torch
from torch.nn import functional as F

from mmdense.collapse import decompose, readings
from mmdense.collapse.decorrelation import decorrelation_loss
from mmdense.collapse.readings import alignment, centre_share, uniformity
from mmdense.ssl.losses import unit_vectors


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
    units = [unit_vectors(torch.cat(share)) for share in shares]
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


def gradient(loss, z):
    (found,) = torch.autograd.grad(loss, z)
    return found * len(z)


def test_the_extra_gradient_of_simsiam():
    # -P_a . Z_b / 2: Z_b is a multiple of P_b + G_e, in its part that is tangential at P_a.
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


def test_a_decorrelating_loss_has_a_decorrelating_residual():
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


def unit(count, channels, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, channels, generator=generator, dtype=torch.float64))


def test_alignment_and_uniformity_equal_loops():
    z_a, z_b = unit(7, 5), unit(7, 5, seed=1)
    gaps = [float((a - b).norm()) ** 2 for a, b in zip(z_a, z_b, strict=True)]
    assert float(alignment(z_a, z_b)) == pytest.approx(sum(gaps) / 7)
    kernel = [
        math.exp(-2 * float((z_a[i] - z_a[j]).norm()) ** 2) for i in range(7) for j in range(i)
    ]
    assert float(uniformity(z_a)) == pytest.approx(math.log(sum(kernel) / len(kernel)))


def test_limits_of_alignment_and_uniformity():
    same = unit(1, 64).expand(50, -1)
    assert float(alignment(same, same)) == 0.0
    assert float(uniformity(same)) == pytest.approx(0.0, abs=1e-9)
    spread = unit(800, 2048)
    assert float(uniformity(spread)) == pytest.approx(-4.0, abs=0.05)
    assert float(alignment(spread, unit(800, 2048, seed=1))) == pytest.approx(2.0, abs=0.05)
    with pytest.raises(ValueError, match=r"\(3, 4\) and \(2, 4\)"):
        alignment(unit(3, 4), unit(2, 4))
    with pytest.raises(ValueError, match="two vectors, found 1"):
        uniformity(unit(1, 4))


def test_alignment_and_uniformity_have_gradients():
    z_a, z_b = unit(4, 3).requires_grad_(), unit(4, 3, seed=1)
    assert torch.autograd.gradcheck(lambda z: alignment(z, z_b), (z_a,))
    assert torch.autograd.gradcheck(uniformity, (z_a,))


def test_centre_share_leaves_an_orthogonal_rest():
    o_e, o = unit(1, 20)[0], 0.3 * unit(1, 20, seed=1)[0]
    eta = centre_share(o_e, o)
    assert float((o_e - eta * o) @ o) == pytest.approx(0.0, abs=1e-12)
    assert float(centre_share(-0.44 * o, o)) == pytest.approx(-0.44)
    assert math.isnan(float(centre_share(o_e, torch.zeros(20, dtype=torch.float64))))


def test_scaling_to_length_one_passes_the_tangential_part_only():
    z = (torch.randn(12, 20, dtype=torch.float64) * 3).requires_grad_()
    target, unit_z = unit(12, 20), F.normalize(z)
    (on_unit,) = torch.autograd.grad((unit_z * target).sum(), unit_z, retain_graph=True)
    (on_z,) = torch.autograd.grad((unit_z * target).sum(), z)
    expected = readings.tangential(on_unit, unit_z.detach())
    assert torch.allclose(readings.gradient_on_unit(on_z, z.detach()), expected.float(), atol=1e-5)
