import pytest

from mmdense.records.record import Record
from mmdense.records.study_comparisons import study_comparisons


def study(scores, variants, **config):
    config |= {"seeds": [0, 1, 2], "variants": variants}
    record = Record.begin("toy", "study", config=config, seed=None)
    record.stages = [
        {"name": f"{name}/seed{seed}", "metrics": {"AP": score}}
        for name, runs in scores.items()
        for seed, score in runs.items()
    ]
    return record


def test_each_variant_beside_its_own_baseline():
    scores = {
        "plain": {0: 10.0, 1: 20.0, 2: 30.0},
        "wide": {0: 11.0, 1: 22.0, 2: 33.0},
        "deep": {0: 10.0, 2: 33.0},  # its seed 1 is lost
        "long": {1: 25.0},
    }
    variants = [{"name": "plain"}, {"name": "wide"}, {"name": "deep", "against": "wide"}]
    variants.append({"name": "long"})
    wide, deep, long = study_comparisons(study(scores, variants, baseline="plain"))
    # Differences 1, 2, 3: see test_statistics.
    assert wide == {
        **{"variant": "wide", "against": "plain", "metric": "AP", "difference": 2.0, "pairs": 3},
        **{
            name: pytest.approx(value, abs=1e-4)
            for name, value in (("low", -0.4841), ("high", 4.4841), ("p", 0.0742))
        },
    }
    # Against wide: -1 of seed 0 and 0 of seed 2.
    assert (deep["against"], deep["difference"], deep["pairs"]) == ("wide", -0.5, 2)
    assert long == {
        **{"variant": "long", "against": "plain", "metric": "AP", "difference": 5.0, "pairs": 1}
    }


def test_without_a_baseline_or_a_common_seed_there_is_nothing():
    variants = [{"name": "plain"}, {"name": "wide"}]
    scores = {"plain": {0: 1.0}, "wide": {1: 1.0}}
    assert study_comparisons(study(scores, variants)) == []
    assert study_comparisons(study(scores, variants, baseline="plain")) == []
