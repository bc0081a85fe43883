import math

import pytest

from mmdense.records.record import Record
from mmdense.records.statistics import p_words, paired, seed_scores, summarise


def test_mean_spread_and_interval():
    # sd of 1, 2, 3 is 1; t of 97.5 % with 2 degrees of freedom is 4.3027; 4.3027 / sqrt(3) = 2.4841
    found = summarise([1.0, 2.0, 3.0])
    assert found.mean == 2.0 and found.sd == 1.0
    assert found.high == pytest.approx(2.0 + 2.4841, abs=1e-4)
    assert found.low == pytest.approx(2.0 - 2.4841, abs=1e-4)


def test_one_run_has_no_spread():
    found = summarise([1.0])
    assert found.mean == 1.0 and math.isnan(found.sd) and math.isnan(found.low)
    with pytest.raises(ValueError, match="no runs"):
        summarise([])


def by_seed(*values):
    return dict(enumerate(values))


def test_pairs_are_compared_seed_by_seed():
    # Differences 1, 2, 3: t = 2 / (1 / sqrt(3)) = 3.4641; p of 2 degrees of freedom = 0.0742.
    found = paired(by_seed(11.0, 22.0, 33.0), by_seed(10.0, 20.0, 30.0))
    assert (found.difference, found.pairs) == (2.0, 3)
    assert found.p == pytest.approx(0.0742, abs=1e-4)
    assert (found.low, found.high) == pytest.approx((2.0 - 2.4841, 2.0 + 2.4841), abs=1e-4)
    # Seeds differ by far more than variants do, which an unpaired test would not see through.
    assert paired(by_seed(10.5, 20.51, 30.49), by_seed(10.0, 20.0, 30.0)).p < 0.001


def test_seeds_of_one_variant_only_are_ignored():
    # By place, 11 would pair with 10, 33 with 20; by seed 0 and 2 pair: differences 1 and 3.
    found = paired({0: 11.0, 2: 33.0}, {0: 10.0, 1: 20.0, 2: 30.0, 3: 0.0})
    assert (found.difference, found.pairs) == (2.0, 2)
    assert paired({2: 33.0, 0: 11.0}, {0: 10.0, 2: 30.0}) == found


def test_one_pair_and_none():
    one = paired({0: 1.0}, {0: 2.0})
    assert (one.difference, one.pairs) == (-1.0, 1)
    assert math.isnan(one.p) and math.isnan(one.low) and math.isnan(one.high)
    none = paired({0: 1.0}, {1: 2.0})
    assert none.pairs == 0 and math.isnan(none.difference) and math.isnan(none.p)


def test_equal_differences_and_texts():
    assert paired(by_seed(1.0, 2.0), by_seed(1.0, 2.0)).p == 1.0
    assert paired(by_seed(2.0, 3.0), by_seed(1.0, 2.0)) == (1.0, 1.0, 1.0, 0.0, 2)
    assert [p_words(p) for p in (0.00099, 0.0742, 1.0)] == ["p < 0.001", "p 0.074", "p 1"]


def test_scores_by_seed():
    record = Record.begin("toy", "study", config={"seeds": [2, 0, 1, 3]}, seed=None)
    record.stages = [
        {"name": "a/seed0", "metrics": {"AP": 1.0}},
        {"name": "ab/seed1", "metrics": {"AP": 9.0}},
        {"name": "a/seed1", "metrics": {"AR": 5.0}},
        {"name": "a/seed2", "metrics": {"AP": 2.0}},
        {"name": "a/seed3", "metrics": {"AP": None}},
    ]
    assert list(seed_scores(record, "a", "AP").items()) == [(2, 2.0), (0, 1.0)]
    record.stages[-1]["metrics"]["AP"] = math.nan
    assert seed_scores(record, "a", "AP") == {2: 2.0, 0: 1.0}
    assert seed_scores(record, "b", "AP") == {}
