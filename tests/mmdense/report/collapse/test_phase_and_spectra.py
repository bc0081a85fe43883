"""The sweep of figure 5a from two stored numbers, against the vectors."""

import math

import pytest
import torch

from mmdense.collapse.extra_gradient import centre_share
from mmdense.report.collapse.phase_and_spectra import cosine_without_centre


@pytest.mark.parametrize("seed", range(5))
def test_it_equals_the_cosine_of_the_vectors(seed):
    generator = torch.Generator().manual_seed(seed)
    o_z, o_p = torch.randn(2, 7, generator=generator, dtype=torch.float64) + 0.5
    etas = [-1.0, -0.44, 0.0, 0.3, 1.0]
    shares = centre_share(o_z - o_p, o_p), centre_share(o_p - o_z, o_z)
    found = cosine_without_centre(*map(float, shares), etas)
    for eta, cosine in zip(etas, found):
        expected = torch.cosine_similarity(o_z - o_p - eta * o_p, o_p, dim=0)
        assert cosine == pytest.approx(float(expected), abs=1e-9)


def test_it_crosses_zero_at_eta_p():
    # o_p = (1, 0), o_z = (0.6, 0.3): eta_p = -0.4; o_e - eta_p o_p = (0, 0.3), at a right angle.
    # eta_z = (0.4 * 0.6 - 0.3 * 0.3) / 0.45 = 1/3.
    assert cosine_without_centre(-0.4, 1 / 3, [-0.4])[0] == pytest.approx(0.0, abs=1e-12)
    # At 0: o_e = (-0.4, 0.3) of length 0.5, so the cosine is -0.8.
    assert cosine_without_centre(-0.4, 1 / 3, [0.0])[0] == pytest.approx(-0.8)


def test_without_numbers_there_is_no_curve():
    assert all(math.isnan(c) for c in cosine_without_centre(math.nan, 0.1, [0.0, 1.0]))
    assert all(math.isnan(c) for c in cosine_without_centre(-0.1, -1.0, [0.0, 1.0]))
    assert math.isnan(cosine_without_centre(0.0, 0.0, [0.0])[0])  # equal centres: nothing is left
