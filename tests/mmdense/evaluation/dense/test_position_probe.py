"""Linear probe of the position: the loop, limits, and bad input."""

import pytest
import torch

from mmdense.evaluation.dense.protocols.position_probe import probe_position
from tests.references.position_loop import position_loop


def random_features(images, grid, channels):
    generator = torch.Generator().manual_seed(images)
    shape = images, grid[0] * grid[1], channels
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def with_position(features, grid, scale):
    """Features with the row in channel 1, and the column in channel 2."""
    rows, columns = (torch.linspace(-1, 1, n, dtype=torch.float64) for n in grid)
    features[:, :, 1] += scale * rows.repeat_interleave(grid[1])
    features[:, :, 2] += scale * columns.repeat(grid[0])
    return features


@pytest.mark.parametrize(("images", "grid"), [(2, (2, 2)), (5, (3, 4)), (4, (7, 2))])
@pytest.mark.parametrize("strength", [1e-3, 10.0])
def test_equals_the_loop(images, grid, strength):
    features = with_position(random_features(images, grid, 5) * 3 + 7, grid, 2.0)
    found = probe_position(features, grid, strength=strength)
    assert found == pytest.approx(position_loop(features.numpy(), grid, strength), abs=1e-9)


def test_limits():
    grid, noise = (6, 5), random_features(40, (6, 5), 4)
    without = probe_position(noise, grid, strength=1e-3)
    assert -0.1 < without.row < 0.1
    assert -0.1 < without.column < 0.1
    exact = probe_position(with_position(noise.clone(), grid, 1e6), grid, strength=1e-9)
    assert min(exact) > 0.999
    # A row with noise of twice its variance of (6 + 1) / (3 * 5): R^2 is 1 / 3.
    noisy = with_position(random_features(400, grid, 4) * (14 / 15) ** 0.5, grid, 1.0)
    assert probe_position(noisy, grid, strength=1e-6).row == pytest.approx(1 / 3, abs=0.02)


def test_constant_channels_have_no_effect():
    features = random_features(6, (3, 3), 4)
    constant = torch.cat([features, torch.full((6, 9, 2), 3.0)], dim=2)
    expected = probe_position(features, (3, 3), strength=1e-2)
    assert probe_position(constant, (3, 3), strength=1e-2) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("features", "grid", "strength", "message"),
    [
        (torch.ones(2, 5, 3), (2, 3), 1.0, "features must be"),
        (torch.ones(1, 6, 3), (2, 3), 1.0, "at least two images"),
        (torch.ones(2, 6, 3), (1, 6), 1.0, "at least two images"),
        (torch.ones(2, 6, 3), (2, 3), 0.0, "strength"),
        (torch.full((2, 6, 3), torch.nan), (2, 3), 1.0, "NaN"),
    ],
)
def test_bad_input(features, grid, strength, message):
    with pytest.raises(ValueError, match=message):
        probe_position(features, grid, strength=strength)
