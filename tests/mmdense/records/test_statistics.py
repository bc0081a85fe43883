import math

import pytest

from mmdense.records.statistics import paired_p, summarise


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


def test_pairs_are_compared_seed_by_seed():
    # Differences 1, 2, 3: t = 2 / (1 / sqrt(3)) = 3.4641; p of 2 degrees of freedom = 0.0742.
    assert paired_p([11.0, 22.0, 33.0], [10.0, 20.0, 30.0]) == pytest.approx(0.0742, abs=1e-4)
    # Seeds differ by far more than variants do, which an unpaired test would not see through.
    assert paired_p([10.5, 20.51, 30.49], [10.0, 20.0, 30.0]) < 0.001


def test_what_cannot_be_compared():
    assert math.isnan(paired_p([1.0], [2.0]))
    assert paired_p([1.0, 2.0], [1.0, 2.0]) == 1.0
    assert paired_p([2.0, 3.0], [1.0, 2.0]) == 0.0
    with pytest.raises(ValueError, match="2 runs do not pair with 1"):
        paired_p([1.0, 2.0], [1.0])
