"""Tables of studies, as values."""

import math

import pytest

from mmdense.records.kept_results import Results
from mmdense.records.record import Record, RecordError
from mmdense.report.study_table import higher_is_better, study_table, variants_of
from mmdense.report.table import Score
from mmdense.report.tables import kept_study

CONFIG = {
    "seeds": [0, 1],
    "variants": [{"name": "a", "label": "Plain"}, {"name": "b", "label": "Better"}],
    "metrics": [{"metric": "ar", "label": "AR", "scale": 100}],
}
METRICS = {"a/ar/mean": 0.5, "a/ar/sd": 0.01, "b/ar/mean": 0.625, "b/ar/sd": 0.02}
FOLDER = "results/cascade_rpn/2026-01-01_toy"


def record(config=None, metrics=None, scores=None):
    made = Record.begin("cascade_rpn", "toy", config=CONFIG | (config or {}), seed=None)
    made.metrics = dict(metrics or METRICS)
    made.stages = [
        {"name": f"{name}/seed{seed}", "metrics": {"ar": value}}
        for name, values in (scores or {}).items()
        for seed, value in values.items()
    ]
    return made


def cells(table, key="ar"):
    return [row.get(key) for row in table.rows]


def test_mean_and_spread_of_each_variant():
    table = study_table(record())
    assert [(c.key, c.label, c.numeric) for c in table.columns] == [
        ("variant", "Variant", False),
        ("ar", "AR", True),
    ]
    assert [cell.text for cell in cells(table, "variant")] == ["Plain", "Better"]
    assert cells(table) == [Score(50.0, 1.0, 2), Score(62.5, 2.0, 2)]
    alone = study_table(record(metrics={"a/ar/mean": 0.5, "b/ar/mean": None}))
    assert cells(alone)[0] == Score(50.0, None, 2)
    assert math.isnan(cells(alone)[1].mean)


@pytest.mark.parametrize(
    ("changes", "table", "message"),
    [
        ({"seeds": None}, {}, "config lacks seeds"),
        ({"metrics": [{"metric": "ar", "label": "AR"}]}, {}, r"config.metrics\[0\] lacks scale"),
        ({"variants": [{"name": "a"}]}, {}, r"config.variants\[0\] lacks label"),
        ({}, {"baseline": "rpn"}, "has no .*rpn.*a, b"),
        ({}, {"group": "eta"}, "group .eta.*none"),
        ({"tables": {"x": ["c"]}}, {"group": "x"}, "config.tables.x lists c"),
        ({"metrics": [CONFIG["metrics"][0] | {"metric": "x"}]}, {}, "lacks a/x/mean.*optional"),
    ],
)
def test_what_a_table_needs_and_the_record_lacks_is_named(changes, table, message):
    made = record()
    made.config = {k: v for k, v in {**CONFIG, **changes}.items() if v is not None}
    with pytest.raises(RecordError, match=f"{FOLDER}: record 'toy': .*{message}"):
        kept_study("cascade_rpn", "toy", **table)(Results([(FOLDER, made)], []))


def test_digits_counts_and_metrics_that_a_variant_lacks():
    made = record(metrics={"a/ar/mean": 0.5, "b/ar/mean": 2 / 3, "a/eta/mean": 1.0})
    ar = {"metric": "ar", "label": "AR", "scale": 1}
    eta = {"metric": "eta", "label": "eta", "scale": 1, "optional": True}
    made.config = {**CONFIG, "metrics": [{**ar, "digits": 3, "count": True}, eta]}
    table = study_table(made)
    assert table.columns[1].format == ".3f"
    assert [cell.counted for cell in cells(table)] == [True, True]
    assert cells(table, "eta") == [Score(1.0, None, 2), None]
    assert [c.key for c in study_table(made, ["b"]).columns] == ["variant", "ar"]
    made.metrics.pop("b/ar/mean")
    assert cells(study_table(made, lenient=True))[1] is None


def test_a_variant_is_compared_with_the_baseline_seed_by_seed():
    scores = {"a": {0: 0.49, 1: 0.51}, "b": {0: 0.615, 1: 0.635}}
    plain, better = cells(study_table(record(scores=scores), baseline="a"))
    assert plain.against is None
    assert better.against.difference == pytest.approx(12.5)
    assert better.significant and not better.detailed
    scores["b"][1] = 0.2
    assert not cells(study_table(record(scores=scores), baseline="a"))[1].significant


def test_the_difference_from_its_own_baseline_is_detailed():
    variants = [CONFIG["variants"][0], {**CONFIG["variants"][1], "against": "a"}]
    scores = {"a": {0: 0.1, 1: 0.2, 2: 0.3}, "b": {0: 0.11, 1: 0.22, 2: 0.33}}
    made = record({"seeds": [0, 1, 2], "variants": variants}, scores=scores)
    # Differences 1, 2, 3 in percent: 2 ± 2.4841, p 0.074 (test_statistics).
    found = cells(study_table(made))[1]
    assert found.detailed
    assert found.against == pytest.approx((2.0, 2 - 2.4841, 2 + 2.4841, 0.0742, 3), rel=1e-3)
    made.config["metrics"] = [{**CONFIG["metrics"][0], "scale": -1}]  # turns the interval around
    against = cells(study_table(made))[1].against
    assert against.low < against.difference < against.high
    del made.stages[1]  # seed 1 of a
    assert cells(study_table(made))[1].against.pairs == 2


def test_groups_and_listed_tables():
    variants = [{**variant, "group": variant["name"]} for variant in CONFIG["variants"]]
    made = record({"variants": variants, "tables": {"order": ["b", "a"]}})
    assert variants_of(made, None) == ["a", "b"]
    assert variants_of(made, "b") == ["b"]
    table = study_table(made, variants_of(made, "order"), strong=["a"])
    assert [(c.text, c.strong) for c in cells(table, "variant")] == [
        ("Better", False),
        ("Plain", True),
    ]


def test_verdicts_are_counted_and_the_paper_has_its_column():
    variants = [{**CONFIG["variants"][0], "paper": "collapses"}, CONFIG["variants"][1]]
    metrics = [{"metric": "ar", "label": "Collapsed", "scale": 1, "verdict": True}]
    made = record({"variants": variants, "metrics": metrics})
    made.stages = [
        {"name": f"{stage}", "metrics": {}, "verdict": verdict and {"name": verdict, "reason": ""}}
        for stage, verdict in (
            *(("a/seed0", "dimensional collapse"), ("a/seed1", "complete collapse")),
            *(("b/seed0", "stuck"), ("b/seed1", None)),
        )
    ]
    table = study_table(made, words={"complete collapse": "complete", "dimensional collapse": "d"})
    assert cells(table, "paper") == ["collapses", None]
    assert list(cells(table)[0].items()) == [("complete", 1), ("d", 1)]
    assert cells(table)[1] == {"stuck": 1}


def test_the_newest_record_with_its_seeds_and_link():
    results = Results([(FOLDER, record())], [])
    table = kept_study("cascade_rpn", "toy", baseline="a")(results)
    assert "seeds 0, 1; bold differs from Plain with p < 0.05" in table.notes[0]
    assert table.records[0].href == FOLDER
    assert kept_study("cascade_rpn", "other")(results).rows == []


@pytest.mark.parametrize(
    ("metric", "way"),
    [
        *(("coco/bbox_mAP_50", True), ("proposals/AR100", True), ("mIoU", True)),
        *(("knn/k20_top1", True), ("train/loss", False), ("collapse/std", None)),
        ("collapse/uniformity", None),
    ],
)
def test_which_way_is_up(metric, way):
    assert higher_is_better(metric) is way
