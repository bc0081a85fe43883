import math

from mmdense.records.compare import common_scores, differences
from mmdense.records.record import Record, save
from tools import compare


def record(**changes):
    made = Record.begin("toy", "run", config={"lr": 0.1, "model": {"depth": 18}}, seed=0)
    made.metrics, made.wall_time_s = {"AP": 0.4}, 100.0
    made.curves = {"val/AP": [[1, 0.4]], "train/loss": [[1, 2.0]], "train/lr": []}
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_equal_records_and_lost_scores():
    lost = {"AP": math.nan, "AR": 0.5}  # NaN is no other NaN
    assert differences(record(metrics=lost), record(metrics=lost)) == {}
    found = differences(record(metrics={"AP": math.nan}), record(metrics={"AP": 0.5}))
    assert found == {"results": ["AP: not finite to 0.5"]}


def test_data_and_cost_are_compared():
    digest = "0123456789abcdef"
    one = record(data={"train": digest, "val": "v"})
    other = record(data={"train": "f" + digest, "val": "v"})
    one.cost, other.cost = {"cpu_hours": 2.0}, {"cpu_hours": 3.0, "gpu_hours": 1.0}
    found = differences(one, other)
    assert found == {
        "data": ["train: 0123456789ab to f0123456789a"],
        "cost": ["cpu_hours: 2 to 3 (+1, +50.0 %)", "gpu_hours: 1, only in the second"],
    }
    found = differences(record(), record(data={"train": digest}))
    assert found == {"data": ["the first has no checksums of the training and validation data"]}


def test_data_of_a_study_is_listed_once():
    one = record(data={f"plain/seed{seed}/train": "a" for seed in range(3)})
    assert differences(one, record(data={**one.data, "wide/seed0/train": "a"})) == {}
    other = record(data={"wide/seed0/train": "b", "wide/seed1/train": "a", "wide/seed0/val": "c"})
    assert differences(one, other)["data"] == ["train: a to a and b", "val: c, only in the second"]


def toy_study(shift=0.0, **config):
    config = {
        "seeds": [0, 1],
        "variants": [{"name": "a", "label": "Plain"}, {"name": "b", "label": "Wide"}],
        "metrics": [
            {"metric": "AP", "label": "box AP", "scale": 100},
            {"metric": "word", "label": "Verdict", "scale": 1, "verdict": True},
        ],
    } | config
    stages = [
        {"name": f"{name}/seed{seed}", "metrics": {"AP": 0.25 * seed + shift, "word": 1.0}}
        for name in "ab"
        for seed in (0, 1)
    ]
    return record(config=config, stages=stages)


def test_common_scores_of_studies():
    only = [{"name": "b", "label": "Wide"}]
    found = common_scores({"x": toy_study(), "y": toy_study(0.5, variants=only)})
    assert found == {
        "box AP": {
            "x": {"Plain": [0.0, 25.0], "Wide": [0.0, 25.0]},
            "y": {"Wide": [50.0, 75.0]},
        }
    }
    assert common_scores({"x": toy_study(), "y": toy_study(metrics=[])}) == {}
    assert common_scores({"x": toy_study(), "y": record()}) == {}


def test_every_heading():
    other = record(
        config={"lr": 0.2, "model": {"depth": 18, "norm": "BN"}, "hooks": [{"type": "A"}]},
        metrics={"AP": 0.5, "AR": 0.7},
        seed=1,
        wall_time_s=150.0,
        notes=["healthy"],
    )
    other.versions = {**other.versions, "torch": "9.9"}
    other.verdict = {"name": "diverged", "reason": "NaN"}
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
    assert found["notes"] == ["healthy, only in the second"]
    assert found["verdict"] == ["run: diverged, only in the second"]


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
    assert line == "rpn/AP/mean: 20 to 22 (+2, +10.0 %), p 0.074 over 3 common seeds"
    short, whole = study(10.0, 20.0, 30.0), study(11.0, 22.0, 33.0)
    del short.stages[0]  # seeds 1 and 2 pair: differences 2 and 3, t = 5 of one degree of freedom
    (line,) = differences(short, whole)["results"]
    assert line.endswith("p 0.13 over 2 common seeds")
    del short.stages[0]
    (line,) = differences(short, whole)["results"]
    assert "seeds" not in line


def test_parts_of_a_config_are_compared_by_their_names():
    def study(*names, **rest):
        variants = [{"name": n, "label": n, "changes": {"a": 1, "b": {"c": n}}} for n in names]
        return record(config={"variants": variants, "expected": [], "_mine": len(names), **rest})

    one, other = study("a", "c"), study("a", "b", "c", expected=[{"metric": "x/y", "value": 1}])
    other.config["variants"][2]["changes"]["a"] = 2
    assert differences(one, other)["config"] == [
        "expected.x/y.metric: x/y, only in the second",
        "expected.x/y.value: 1, only in the second",
        "variants.b: 4 values, only in the second",
        "variants.c.changes.a: 1 to 2",
    ]
    for variant in other.config["variants"]:
        variant["changes"]["a"] = 2
    assert "variants.a, c.changes.a: 1 to 2" in differences(one, other)["config"]
    emptied = record(config={"a": [], "b": [1, 2]}), record(config={"a": [3], "b": []})
    assert differences(*emptied)["config"] == ["a: [] to [3]", "b: [1, 2] to []"]


def test_means_of_a_study_are_listed_without_their_spreads():
    one = record(metrics={"a/AP/mean": 1.0, "a/AP/sd": 0.1, "a/AP/low": 0.9, "lonely/sd": 1.0})
    other = record(metrics={"a/AP/mean": 2.0, "a/AP/sd": 0.2, "a/AP/low": 1.9, "lonely/sd": 2.0})
    assert [line.split(":")[0] for line in differences(one, other)["results"]] == [
        "a/AP/mean",
        "lonely/sd",
    ]


def test_long_lists_and_values_are_cut():
    config = {f"key{number}": "x" * 100 for number in range(60)}
    lines = differences(record(config={}), record(config=config))["config"]
    assert len(lines) == 41 and lines[-1] == "and 20 more"
    assert "xxx..., only in the second" in lines[0]


def compare_with_tool(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["compare.py", *map(str, arguments)])
    return compare.main()


def test_the_tool_prints_and_plots_studies_or_curves(tmp_path, monkeypatch, capsys):
    drawn = {}
    for name in ("plot_scores", "plot_curves"):
        monkeypatch.setattr(
            f"mmdense.records.plots.{name}",
            lambda *given, name=name: drawn.setdefault(name, given),
        )
    one, other = (
        save(toy_study(shift), tmp_path / f"{shift}" / "record.json") for shift in (0.0, 0.5)
    )
    alone = save(record(), tmp_path / "alone" / "record.json")
    alone_too = save(record(), tmp_path / "too" / "record.json")
    bare = save(record(curves={}), tmp_path / "bare" / "record.json")
    assert compare_with_tool(monkeypatch, one, other, "--plot", "x.png") == 0
    capsys.readouterr()
    assert compare_with_tool(monkeypatch, alone, alone_too, "--plot", "x.png") == 0
    assert capsys.readouterr().out.splitlines()[1] == "no differences"
    assert list(drawn["plot_scores"][0]) == ["box AP"]
    assert list(drawn["plot_curves"][0]) == [str(alone), str(alone_too)]
    assert drawn["plot_curves"][1] == ["train/loss", "val/AP"]
    assert compare_with_tool(monkeypatch, alone, bare, "--plot", "x.png") == 1
    assert "no common curve or score" in capsys.readouterr().err
