"""Centre and residual: identities, floors, and limits of the deviation."""

import math

import pytest
import torch
from torch.nn import functional as F

from mmdense.collapse import decompose
from mmdense.ssl.losses import unit_vectors


def vectors(count=64, channels=48, offset=0.7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    raw = torch.randn(count, channels, generator=generator, dtype=torch.float64)
    return F.normalize(raw + offset * math.sqrt(channels) * F.one_hot(torch.tensor(3), channels))


def read(unit):
    sums = decompose.moments(unit)
    o = decompose.centre(sums)
    return sums, o, float(o.norm())


def test_hand_case():
    # Z = (1, 0), (0, 1): o = (1/2, 1/2), m_o = sqrt(1/2); r = +-(1/2, -1/2), |r| = sqrt(1/2);
    # each channel is 1 and 0: std with M - 1 is sqrt(1/2).
    unit = torch.tensor([[3.0, 0.0], [0.0, 2.0]])
    unit = unit_vectors(unit)
    sums, o, m_o = read(unit)
    assert o.tolist() == [0.5, 0.5]
    assert m_o == pytest.approx(math.sqrt(0.5))
    assert float(decompose.residual_norm_sum(unit, o)) / 2 == pytest.approx(math.sqrt(0.5))
    assert float(decompose.channel_deviation(sums)) == pytest.approx(math.sqrt(0.5))
    assert decompose.mean_pairwise_cosine(m_o, 2) == pytest.approx(0.0)


@pytest.mark.parametrize("offset", [0.0, 0.3, 3.0])
def test_identities_of_centre_residual_cosine_and_deviation(offset):
    unit = vectors(offset=offset)
    sums, o, m_o = read(unit)
    mean_square = float((unit - o).square().sum(dim=1).mean())
    assert m_o**2 + mean_square == pytest.approx(1.0)
    pairs = [float(unit[i] @ unit[j]) for i in range(64) for j in range(64) if i != j]
    expected = sum(pairs) / len(pairs)
    assert decompose.mean_pairwise_cosine(m_o, 64) == pytest.approx(expected, abs=1e-12)
    deviation = float(decompose.channel_deviation(sums))
    assert deviation == pytest.approx(float(unit.std(dim=0).mean()))
    assert deviation <= math.sqrt(mean_square * 64 / 63 / 48) + 1e-12


def test_a_line_has_the_deviation_of_a_full_sphere():
    direction = F.normalize(torch.randn(1, 32, generator=torch.Generator().manual_seed(1)))
    direction = torch.full_like(direction, 1 / math.sqrt(32)) * direction.sign()
    unit = direction * torch.tensor([1.0, -1.0]).repeat(500)[:, None]
    sums, _, m_o = read(unit)
    assert m_o == pytest.approx(0.0, abs=1e-7)
    deviation = float(decompose.channel_deviation(sums))
    assert deviation == pytest.approx(1 / math.sqrt(32), rel=1e-3)
    assert decompose.collapse_level(deviation, 32) == pytest.approx(0.0, abs=1e-3)


def test_collapse_level_of_published_deviations():
    # 1/sqrt(2048) = 0.0221: the paper's 0.020 is level 0.095, its 0.0108 is 0.51.
    assert decompose.collapse_level(0.020, 2048) == pytest.approx(0.095, abs=1e-3)
    assert decompose.collapse_level(0.0108, 2048) == pytest.approx(0.51, abs=2e-3)
    assert decompose.collapse_level(0.5, 2048) == 0.0


def test_independent_directions_have_the_floor():
    generator = torch.Generator().manual_seed(0)
    unit = unit_vectors(torch.randn(256, 2048, generator=generator))
    assert read(unit)[2] == pytest.approx(decompose.centre_floor(256), rel=0.05)


def test_moments_of_two_batches_add_up_where_ratios_do_not():
    unit = unit_vectors(torch.randn(256, 64, generator=torch.Generator().manual_seed(0)))
    parts = [decompose.moments(part) for part in unit.split([200, 56])]
    added = decompose.Moments(*(a + b for a, b in zip(*parts, strict=True)))
    for mine, whole in zip(added, decompose.moments(unit), strict=True):
        assert torch.allclose(mine, whole, atol=1e-12)
    averaged = sum(float(decompose.centre(part).norm()) for part in parts) / 2
    assert averaged > 1.2 * float(decompose.centre(added).norm())


def test_complete_collapse():
    unit = vectors(offset=0.0)[:1].expand(64, -1)
    sums, o, m_o = read(unit)
    assert m_o == pytest.approx(1.0)
    assert float(decompose.residual_norm_sum(unit, o)) == pytest.approx(0.0, abs=1e-9)
    assert float(decompose.channel_deviation(sums)) == pytest.approx(0.0, abs=1e-7)


def test_one_vector_has_no_deviation_and_no_cosine():
    sums = decompose.moments(vectors(count=1))
    assert math.isnan(float(decompose.channel_deviation(sums)))
    with pytest.raises(ValueError, match="two vectors, found 1"):
        decompose.mean_pairwise_cosine(1.0, 1)


def test_unit_vectors_of_half_precision_zeros_and_maps():
    unit = unit_vectors(torch.randn(8, 16).bfloat16())
    assert unit.dtype == torch.float32
    assert torch.allclose(unit.norm(dim=1), torch.ones(8))
    assert unit_vectors(torch.zeros(2, 3)).tolist() == [[0.0] * 3] * 2
    with pytest.raises(ValueError, match=r"expected vectors \[M, D\], found \(2, 3, 4\)"):
        unit_vectors(torch.zeros(2, 3, 4))
