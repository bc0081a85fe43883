from mmdense.records.compare import common_curves, differences
from mmdense.records.record import Record


def record(**changes):
    made = Record.begin("toy", "run", config={"lr": 0.1, "model": {"depth": 18}}, seed=0)
    made.metrics, made.wall_time_s = {"AP": 0.4}, 100.0
    made.curves = {"val/AP": [[1, 0.4]], "train/loss": [[1, 2.0]], "train/lr": []}
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_equal_records_differ_in_nothing_but_their_numbers():
    found = differences(record(), record())
    assert set(found) == {"cost", "results"}
    assert found["results"] == ["AP: 0.4 to 0.4 (+0, +0.0 %)"]


def test_what_differs_is_told_from_the_first_to_the_second():
    other = record(
        config={"lr": 0.2, "model": {"depth": 18, "norm": "BN"}, "hooks": [{"type": "A"}]},
        metrics={"AP": 0.5, "AR": 0.7},
        seed=1,
        wall_time_s=150.0,
        notes=["healthy"],
    )
    other.versions = {**other.versions, "torch": "9.9"}
    other.git = {**other.git, "commit": "abc"}
    found = differences(record(), other)
    assert found["config"] == [
        "hooks.0.type: A, only in the second",
        "lr: 0.1 to 0.2",
        "model.norm: BN, only in the second",
    ]
    assert found["seed"] == ["seed: 0 to 1"]
    assert any(line.startswith("commit: ") for line in found["environment"])
    assert any(line.endswith(" to 9.9") for line in found["environment"])
    assert found["cost"] == ["wall time, s: 100 to 150 (+50, +50.0 %)"]
    assert found["results"] == ["AP: 0.4 to 0.5 (+0.1, +25.0 %)", "AR: 0.7, only in the second"]
    assert found["notes"] == ["healthy: said, only in the second"]


def test_studies_are_compared_seed_by_seed():
    def study(*scores):
        stages = [
            {"name": f"rpn/seed{seed}", "metrics": {"AP": score}}
            for seed, score in enumerate(scores)
        ]
        seeds = {"seeds": [0, 1, 2]}
        mean = {"rpn/AP/mean": sum(scores) / len(scores)}
        return record(config=seeds, stages=stages, metrics=mean)

    (line,) = differences(study(10.0, 20.0, 30.0), study(11.0, 22.0, 33.0))["results"]
    assert line == "rpn/AP/mean: 20 to 22 (+2, +10.0 %), p 0.074 over 3 seeds that both have"
    short, whole = study(10.0, 20.0, 30.0), study(11.0, 22.0, 33.0)
    del short.stages[0]  # seeds 1 and 2 pair: differences 2 and 3, t = 5 of one degree of freedom
    (line,) = differences(short, whole)["results"]
    assert line.endswith("p 0.13 over 2 seeds that both have")
    del short.stages[0]
    (line,) = differences(short, whole)["results"]
    assert "seeds" not in line


def test_long_lists_and_values_are_cut():
    config = {f"key{number}": "x" * 100 for number in range(60)}
    lines = differences(record(config={}), record(config=config))["config"]
    assert len(lines) == 41 and lines[-1] == "and 20 more"
    assert "xxx..., only in the second" in lines[0]


def test_curves_that_both_have():
    assert common_curves(record(), record()) == ["train/loss", "val/AP"]
    assert common_curves(record(), record(curves={})) == []
