"""Readings of a spectrum: limits of flat and one-dimensional ones, and those of numpy."""

import math

import numpy as np
import pytest
import torch

from mmdense.collapse import spectrum as sp


def gaussian(count, channels, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, channels, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("count", "channels"), [(12, 7), (7, 12)])
@pytest.mark.parametrize("centred", [True, False])
def test_singular_values_are_numpys(count, channels, centred):
    features = gaussian(count, channels) + 2.0
    matrix = features.numpy() - (features.numpy().mean(axis=0) if centred else 0.0)
    expected = np.linalg.svd(matrix, compute_uv=False)
    assert np.allclose(sp.singular_values(features, centred=centred).numpy(), expected, atol=1e-6)


def test_eigenvalues_are_those_of_the_covariance():
    features = gaussian(40, 6)
    expected = np.linalg.eigvalsh(np.cov(features.numpy().T))[::-1]
    assert np.allclose(sp.eigenvalues(features).numpy(), expected)


def rank_me(features, *, centred):
    return sp.effective_rank(sp.singular_values(features, centred=centred))


def orthogonal(channels):
    """Features +e_j and -e_j: mean zero, a flat spectrum."""
    return torch.cat([torch.eye(channels), -torch.eye(channels)]).double()


def test_a_flat_spectrum_has_every_rank_at_its_ceiling():
    features = orthogonal(10)
    spectrum = sp.eigenvalues(features)
    assert rank_me(features, centred=False) == pytest.approx(10, rel=1e-4)
    assert rank_me(features, centred=True) == pytest.approx(10, rel=1e-4)
    assert sp.effective_rank(spectrum) == pytest.approx(10, rel=1e-4)
    assert sp.participation_ratio(spectrum) == pytest.approx(10)
    assert sp.spectrum_auc(sp.singular_values(features, centred=True), 10) == pytest.approx(0.55)
    assert sp.rank_ceiling(20, 10, centred=True) == 10
    assert sp.rank_ceiling(10, 20, centred=True) == 9
    assert sp.rank_ceiling(10, 20, centred=False) == 10


def test_one_line_has_rank_one():
    features = gaussian(30, 1) @ gaussian(1, 12, seed=1)
    spectrum = sp.eigenvalues(features)
    assert rank_me(features, centred=True) == pytest.approx(1, abs=1e-3)
    assert sp.effective_rank(spectrum) == pytest.approx(1, abs=1e-3)
    assert sp.participation_ratio(spectrum) == pytest.approx(1)
    assert sp.spectrum_auc(sp.singular_values(features, centred=True), 12) == pytest.approx(1.0)


def test_hand_case():
    # lambda = 3, 1: shares 3/4, 1/4, entropy 0.5623, rank 1.7548; participation 16/10.
    spectrum = torch.tensor([3.0, 1.0], dtype=torch.float64)
    assert sp.effective_rank(spectrum) == pytest.approx(1.7548, abs=1e-4)
    assert sp.participation_ratio(spectrum) == pytest.approx(1.6)
    # sigma = 3, 1 in three channels: cumulated 3/4, 1, 1.
    assert sp.spectrum_auc(spectrum, 3) == pytest.approx((0.75 + 1 + 1) / 3)


def test_order_of_the_definitions():
    features = gaussian(500, 100) * torch.linspace(2.0, 0.02, 100, dtype=torch.float64)
    spectrum = sp.eigenvalues(features)
    assert sp.participation_ratio(spectrum) < sp.effective_rank(spectrum)
    assert sp.effective_rank(spectrum) < rank_me(features, centred=True)


def test_a_long_centre_lowers_rankme_and_not_the_centred_one():
    healthy = gaussian(400, 60)
    shifted = healthy + 200.0
    assert rank_me(shifted, centred=True) == pytest.approx(rank_me(healthy, centred=True), rel=1e-6)
    assert rank_me(shifted, centred=False) < 0.5 * rank_me(healthy, centred=False)


def test_alpha_of_a_power_law():
    index = torch.arange(1, 200, dtype=torch.float64)
    for alpha in (0.5, 1.0, 2.0):
        assert sp.alpha_req(3.0 * index**-alpha) == pytest.approx(alpha)
    assert math.isnan(sp.alpha_req(index[:11].flip(0)))
    assert math.isnan(sp.alpha_req(torch.zeros(50, dtype=torch.float64)))


def test_lidar_equals_the_definition():
    features = gaussian(9 * 3, 5).reshape(9, 3, 5) + gaussian(9, 5, seed=1)[:, None] * 2
    means = features.mean(dim=1)
    between = torch.cov(means.T)
    within = sum(
        torch.outer(row - mean, row - mean)
        for views, mean in zip(features, means, strict=True)
        for row in views
    ) / (9 * 2) + 1e-4 * torch.eye(5)
    values, vectors = torch.linalg.eigh(within)
    root = vectors @ torch.diag(values**-0.5) @ vectors.T
    shares = torch.linalg.eigvalsh(root @ between @ root)
    shares = shares / shares.sum() + 1e-8
    expected = float(torch.exp(-(shares * shares.log()).sum()))
    assert sp.lidar(features) == pytest.approx(expected, rel=1e-6)


def test_lidar_ignores_noise():
    line = gaussian(60, 1)[:, None] * gaussian(1, 8, seed=1) * 50
    noise = gaussian(60 * 4, 8, seed=2).reshape(60, 4, 8)
    assert sp.lidar(line + noise) < 1.5
    assert sp.lidar(gaussian(60, 8)[:, None] * 50 + noise) > 6


def test_equal_features_use_no_dimension():
    features = gaussian(1, 8).expand(20, -1)
    assert 0.0 <= sp.participation_ratio(sp.eigenvalues(features)) <= 1.0 + 1e-9
    assert sp.eigenvalues(features).max() < 1e-28


def test_bad_input():
    with pytest.raises(ValueError, match=r"N >= 2, found \(1, 4\)"):
        rank_me(gaussian(1, 4), centred=False)
    with pytest.raises(ValueError, match="NaN or infinity"):
        sp.eigenvalues(torch.full((3, 3), math.nan))
    with pytest.raises(ValueError, match="found 5 with 1"):
        sp.lidar(gaussian(5, 4)[:, None])
