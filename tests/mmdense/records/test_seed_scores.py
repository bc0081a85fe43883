import math

from mmdense.records.record import Record
from mmdense.records.seed_scores import seed_scores


def test_scores_stand_by_their_seed():
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
