import math

import pytest

from mmdense.records.kept_results import Results
from mmdense.records.markdown import NOTHING
from mmdense.records.record import Record, RecordError
from mmdense.records.study_table import kept_phases, kept_study, phases_table, study_table

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
    with pytest.raises(RecordError, match="'toy': field 'metrics' lacks b/ar/mean.*optional=True"):
        study_table(record(**{"a/ar/mean": 0.5}))


@pytest.mark.parametrize(
    ("changes", "table", "message"),
    [
        ({"seeds": None}, {}, "config lacks seeds: it is of no study"),
        ({"metrics": [{"metric": "ar", "label": "AR"}]}, {}, r"config.metrics\[0\] lacks scale"),
        ({"variants": [{"name": "a"}]}, {}, r"config.variants\[0\] lacks label"),
        ({}, {"baseline": "rpn"}, "has no 'rpn', which the table compares with; it has a, b"),
        ({}, {"group": "eta"}, "no variant has the group 'eta'.* the groups are none"),
    ],
)
def test_what_a_table_asks_for_and_the_record_lacks_is_named(changes, table, message):
    made = record()
    made.config = {k: v for k, v in {**CONFIG, **changes}.items() if v is not None}
    folder = "results/cascade_rpn/2026-01-01_toy"
    with pytest.raises(RecordError, match=f"{folder}: record 'toy': .*{message}"):
        kept_study("cascade_rpn", "toy", **table)(Results([(folder, made)], []), "")


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


def test_the_difference_from_its_own_baseline_stands_below_a_mean():
    made = record()
    variants = [CONFIG["variants"][0], {**CONFIG["variants"][1], "against": "a"}]
    made.config = {**CONFIG, "seeds": [0, 1, 2], "variants": variants}
    scores = {"a": (0.1, 0.2, 0.3), "b": (0.11, 0.22, 0.33)}
    made.stages = [
        {"name": f"{name}/seed{seed}", "metrics": {"ar": value}}
        for name, values in scores.items()
        for seed, value in enumerate(values)
    ]
    # Differences 1, 2, 3 in percent: 2 ± 2.4841, p 0.074 (test_statistics).
    assert study_table(made).splitlines()[3] == (
        "| Better | 62.5 ± 2.0<br>+2.0 (-0.5 to +4.5), p 0.074 |"
    )
    results = Results([("results/cascade_rpn/2026-01-01_toy", made)], [])
    assert "below it the difference from its baseline, with the 95 % interval and p" in kept_study(
        "cascade_rpn", "toy"
    )(results, "")
    del made.stages[1]  # seed 1 of a: differences 1 and 3
    assert "<br>+2.0 (-10.7 to +14.7), p 0.3, 2 pairs |" in study_table(made)
    del made.stages[1]  # seed 2 of a
    assert "<br>+1.0, 1 pair |" in study_table(made)
    del made.stages[0]
    assert "<br>" not in study_table(made)


def test_a_seed_that_one_lacks_is_left_out_of_the_pairs_of_both():
    made = record()
    made.config = {**CONFIG, "seeds": [0, 1, 2]}
    scores = {"a": {0: 0.1, 1: 0.2, 2: 0.3}, "b": {1: 0.25, 2: 0.3505}}
    made.stages = [
        {"name": f"{name}/seed{seed}", "metrics": {"ar": value}}
        for name, values in scores.items()
        for seed, value in values.items()
    ]
    assert "| Better | **62.5 ± 2.0** (2 pairs) |" in study_table(made, baseline="a")


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


def test_code_that_is_not_known_is_said():
    folder = "results/cascade_rpn/2026-01-01_toy"
    results = Results([(folder, record())], [], unknown={folder})
    table = kept_study("cascade_rpn", "toy")(results, "")
    assert "_toy). Code unknown: no record here lists its code, so a change" in table


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


def test_a_variant_stands_in_the_tables_that_list_it_in_their_order():
    made = record()
    made.config = {**CONFIG, "tables": {"order": ["b", "a"], "one": ["a"], "other": ["c"]}}
    assert [row.split("|")[1].strip() for row in study_table(made, "order").splitlines()[2:]] == [
        "Better",
        "Plain",
    ]
    assert study_table(made, "one").splitlines()[2:] == ["| Plain | 50.0 ± 1.0 |"]
    with pytest.raises(RecordError, match=r"'toy': config.tables.other lists c, which are no var"):
        study_table(made, "other")


def test_the_kinds_of_a_verdict_are_told_apart_and_the_paper_has_its_column():
    made = record()
    words = {"complete collapse": "complete", "dimensional": "dimensional", "healthy": "no"}
    variants = [{**CONFIG["variants"][0], "paper": "collapses"}, CONFIG["variants"][1]]
    metrics = [{"metric": "ar", "label": "Collapsed", "scale": 1, "count": True, "words": words}]
    made.config = {**CONFIG, "variants": variants, "metrics": metrics}
    made.notes = [
        "stage a/seed0: complete collapse. all images point one way",
        "stage a/seed1: dimensional collapse. few dimensions are in use",
        "stage a/seed1: resumed after iteration 3",
        "stage b/seed0: healthy. m_o 0.5, limit of a complete collapse 0.95",
        "stage b/seed1: healthy. m_o 0.5",
    ]
    assert study_table(made).splitlines() == [
        "| Variant | Paper | Collapsed |",
        "| --- | --- | --- |",
        "| Plain | collapses | 1 complete, 1 dimensional |",
        "| Better | – | 2 no |",
    ]


def test_a_mean_that_is_not_finite_is_said():
    table = study_table(record(**{"a/ar/mean": None, "b/ar/mean": 0.6}))
    assert table.splitlines()[2:] == ["| Plain | not finite |", "| Better | 60.0 |"]
    table = study_table(record(**{"a/ar/mean": math.nan, "b/ar/mean": 0.6}))  # as it is read
    assert table.splitlines()[2] == "| Plain | not finite |"


def test_phases_stand_in_the_order_of_training():
    made = record(
        **{f"b/phase/{head}/m_o/mean": 0.5 for head in ("naive", "other", "spread", "start")}
    )
    hook = {"phases": [{"head": head} for head in ("start", "naive", "start", "spread")]}
    variant = {"name": "b", "label": "Better"}
    hooks = {"default_hooks": {"timer": None, "phases": hook}}
    made.config = CONFIG | {"variants": [variant | {"changes": hooks}]}
    rows = phases_table(made).splitlines()[2:]
    assert [row.split(" | ")[1] for row in rows] == ["start", "naive", "spread", "other"]
    made.config = CONFIG | {"variants": [variant | {"changes": {"custom_hooks": [hook]}}]}
    assert phases_table(made).splitlines()[2:] == rows


def test_phases_in_their_order():
    made = record(
        **{
            **{"a/ar/mean": 0.5, "b/ar/mean": 0.5, "b/phase/pull/m_o/mean": 0.9},
            **{"b/phase/pull/m_o/sd": 0.01, "b/phase/spread/m_o/mean": 0.1},
            **{"b/phase/pull/m_r/mean": 0.2},
        }
    )
    assert phases_table(made).splitlines() == [
        "| Variant | Phase | m_o at its end | m_r at its end |",
        "| --- | --- | ---: | ---: |",
        "| Better | pull | 0.900 ± 0.010 | 0.200 |",
        "| Better | spread | 0.100 | – |",
    ]
    results = Results([("results/cascade_rpn/2026-01-01_toy", made)], [])
    table = kept_phases("cascade_rpn", "toy")(results, "")
    assert "over seeds 0, 1: [2026-01-01_toy](results/cascade_rpn/2026-01-01_toy)." in table
