import pytest

from mmdense.records.markdown import NOTHING
from mmdense.records.record import Record
from mmdense.records.study_table import kept_study, study_table
from mmdense.records.tables import Results

CONFIG = {
    "seeds": [0, 1],
    "variants": [{"name": "a", "label": "Plain"}, {"name": "b", "label": "Better"}],
    "metrics": [{"metric": "ar", "label": "AR", "scale": 100}],
}
METRICS = {"a/ar/mean": 0.5, "a/ar/sd": 0.01, "b/ar/mean": 0.625, "b/ar/sd": 0.02}


def record(**metrics):
    made = Record.begin("cascade_rpn", "toy", config=CONFIG, seed=None)
    made.metrics = metrics or METRICS
    return made


def test_mean_and_spread_of_each_variant():
    rows = study_table(record()).splitlines()
    assert rows[0] == "| Variant | AR |"
    assert rows[2:] == ["| Plain | 50.0 ± 1.0 |", "| Better | 62.5 ± 2.0 |"]


def test_one_seed_has_no_spread():
    table = study_table(record(**{"a/ar/mean": 0.5, "b/ar/mean": 0.6}))
    assert "| Plain | 50.0 |" in table


def test_a_missing_score_is_an_error():
    with pytest.raises(KeyError, match="b/ar/mean"):
        study_table(record(**{"a/ar/mean": 0.5}))


def test_digits_counts_and_readings_that_a_variant_lacks():
    made = record(**{"a/ar/mean": 0.51234, "a/ar/sd": 0.011, "b/ar/mean": 2 / 3, "b/ar/sd": 0.5})
    metric = {"metric": "ar", "label": "AR", "scale": 1}

    def cells(**options):
        made.config = {**CONFIG, "seeds": [0, 1, 2], "metrics": [{**metric, **options}]}
        return [row.split("|")[2].strip() for row in study_table(made).splitlines()[2:]]

    assert cells(digits=3) == ["0.512 ± 0.011", "0.667 ± 0.500"]
    assert cells(count=True)[1] == "2 of 3"
    made.metrics["a/eta/mean"] = 1.0
    assert cells(metric="eta", optional=True) == ["1.0", "–"]


def test_what_differs_from_the_baseline_is_bold():
    made = record()
    made.stages = [
        {"name": f"{name}/seed{seed}", "metrics": {"ar": value}}
        for name, values in (("a", (0.49, 0.51)), ("b", (0.615, 0.635)))
        for seed, value in enumerate(values)
    ]
    assert study_table(made, baseline="a").splitlines()[2:] == [
        "| Plain | 50.0 ± 1.0 |",
        "| Better | **62.5 ± 2.0** |",
    ]
    made.stages[-1]["metrics"]["ar"] = 0.2
    assert "**" not in study_table(made, baseline="a")
    results = Results([("results/cascade_rpn/2026-01-01_toy", made)], [])
    table = kept_study("cascade_rpn", "toy", baseline="a")(results, "")
    assert "seeds 0, 1; bold differs from Plain with p < 0.05 (paired t-test): [2026" in table


def test_variants_of_one_group():
    made = record()
    variants = [{**variant, "group": variant["name"]} for variant in CONFIG["variants"]]
    made.config = {**CONFIG, "variants": variants}
    rows = study_table(made, "b").splitlines()
    assert rows[2:] == ["| Better | 62.5 ± 2.0 |"]


def test_the_newest_record_with_its_seeds_and_link():
    results = Results([("results/cascade_rpn/2026-01-01_toy", record())], [])
    table = kept_study("cascade_rpn", "toy")(results, "../../")
    assert table.endswith(
        "over seeds 0, 1: [2026-01-01_toy](../../results/cascade_rpn/2026-01-01_toy)."
    )
    assert kept_study("cascade_rpn", "other")(results, "") == NOTHING


def test_changed_code_is_named():
    folder = "results/cascade_rpn/2026-01-01_toy"
    results = Results([(folder, record())], [], {folder: ["a.py", "b.py", "c.py", "d.py"]})
    table = kept_study("cascade_rpn", "toy")(results, "")
    assert table.endswith(" Stale: its code has changed since, a.py, b.py, c.py and 1 more.")


def test_a_column_that_no_variant_of_a_group_has_is_left_out():
    made = record()
    metrics = [*CONFIG["metrics"], {"metric": "iou", "label": "IoU", "scale": 1, "optional": True}]
    made.config = {**CONFIG, "metrics": metrics}
    assert study_table(made).splitlines()[0] == "| Variant | AR |"
    made.metrics = {**METRICS, "b/iou/mean": 0.25}
    assert study_table(made).splitlines()[2:] == [
        "| Plain | 50.0 ± 1.0 | – |",
        "| Better | 62.5 ± 2.0 | 0.2 |",
    ]
