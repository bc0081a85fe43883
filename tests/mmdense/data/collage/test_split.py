import numpy as np
import pytest

from mmdense.data.collage.split import SLOTS, SPLITS, SplitSampler
from mmdense.data.collage.textures import draw_texture


def split_of(number):
    """Return the split of a number in [0, 1): three fifths train, one fifth each val and test."""
    return ("train", "val", "train", "test", "train")[int(number * SLOTS) % 5]


class Recorder(SplitSampler):
    """Records every drawn parameter, scaled to [0, 1)."""

    def __init__(self, rng, split):
        super().__init__(rng, split)
        self.shares = []

    def uniform(self, low=0.0, high=1.0):
        number = super().uniform(low, high)
        self.shares.append((number - low) / (high - low))
        return number


@pytest.mark.parametrize("split", SPLITS)
def test_numbers_and_textures_are_in_the_slots_of_the_split(split):
    sampler = Recorder(np.random.default_rng(0), split)
    for _ in range(2000):
        sampler.uniform(-2, 6)
    assert {split_of(share) for share in sampler.shares} == {split}
    # Each split covers the whole range: its first and last slots are near the ends.
    assert min(sampler.shares) < 0.2
    assert max(sampler.shares) > 0.75
    sampler.shares.clear()
    for _ in range(60):
        draw_texture(sampler, height=12, width=12, size=12)
    assert len(sampler.shares) > 300
    assert {split_of(share) for share in sampler.shares} == {split}


def test_unknown_split():
    with pytest.raises(ValueError, match="'dev'.*train, val, test"):
        SplitSampler(np.random.default_rng(0), "dev")
