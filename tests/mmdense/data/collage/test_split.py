import numpy as np
import pytest

from mmdense.data.collage.split import SLOTS, SPLITS, SplitSampler, split_of


@pytest.mark.parametrize("split", SPLITS)
def test_numbers_are_in_the_slots_of_the_split(split):
    sampler = SplitSampler(np.random.default_rng(0), split)
    numbers = [sampler.uniform() for _ in range(2000)]
    assert {split_of(u) for u in numbers} == {split}
    # Each split covers the whole range: its first and last slots are near the ends.
    assert min(numbers) < 0.2
    assert max(numbers) > 0.75


def test_a_range_is_a_stretched_unit_interval():
    unit = SplitSampler(np.random.default_rng(3), "val")
    wide = SplitSampler(np.random.default_rng(3), "val")
    for _ in range(50):
        assert wide.uniform(-2, 6) == pytest.approx(-2 + 8 * unit.uniform())


def test_three_fifths_train_one_fifth_each_val_and_test():
    owners = [split_of((k + 0.5) / SLOTS) for k in range(SLOTS)]
    assert {split: owners.count(split) for split in SPLITS} == {"train": 12, "val": 4, "test": 4}


@pytest.mark.parametrize("u", [-0.1, 1.0])
def test_outside_the_unit_interval(u):
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        split_of(u)


def test_unknown_split():
    with pytest.raises(ValueError, match="'dev'.*train, val, test"):
        SplitSampler(np.random.default_rng(0), "dev")
