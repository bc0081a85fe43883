import numpy as np
import pytest

from mmdense.data.collage.split import SplitSampler
from mmdense.data.collage.textures import draw_texture, value_noise


@pytest.mark.parametrize(("height", "width"), [(3, 5), (40, 9), (64, 64)])
def test_size_and_range(height, width):
    sampler = SplitSampler(np.random.default_rng(1), "train")
    for _ in range(60):
        patch = draw_texture(sampler, height=height, width=width, size=max(height, width))
        assert patch.shape == (height, width, 3)
        assert patch.dtype == np.float32
        assert 0 <= patch.min() <= patch.max() <= 255.01


def test_textures_have_structure():
    sampler = SplitSampler(np.random.default_rng(2), "train")
    spread = [
        draw_texture(sampler, height=64, width=64, size=64).std(axis=(0, 1)).max()
        for _ in range(100)
    ]
    assert np.mean(np.array(spread) > 10) > 0.9


def test_value_noise_is_smooth_and_fills_its_range():
    noise = value_noise(np.random.default_rng(0), height=50, width=80, cells=3)
    assert noise.shape == (50, 80)
    assert noise.min() == 0
    assert noise.max() == 1
    # The finest of three octaves has 12 cells on 80 pixels, so neighbours differ by little.
    assert np.abs(np.diff(noise, axis=1)).max() < 0.25
