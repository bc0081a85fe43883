"""Tables of the README files and docs, from records."""

import json
import math

import pytest

from mmdense.records.kept_results import Results, read_results
from mmdense.records.record import Record, RecordError, keep
from mmdense.report.project_tables import Headline
from mmdense.report.table import Score, shown
from mmdense.report.tables import (
    all_tables,
    kept_benchmarks,
    memory_table,
    pipelines_table,
    setup_table,
    summary_table,
)
from tests.mmdense.records.test_kept_results import OPERATOR

BOX_AP = {
    "task": "detection",
    "metric": "coco/bbox_mAP",
    "ssl": "detect_ssl",
    "random": "detect_random",
    "label": "box AP",
    "scale": 100,
}


def stage(name, task, data, **metrics):
    return {"name": name, "task": task, "data": data, "metrics": metrics}


def pipeline(name="bccd", data="BCCD", ssl=0.3012, random=0.25, compare=(BOX_AP,)):
    record = Record.begin("pipelines", name, config={"compare": list(compare)}, seed=0)
    record.date = "2030-01-02T03:04:05+00:00"
    record.git = {"commit": "0" * 40, "dirty": False, "dirty_files": []}
    record.wall_time_s = 1800.0
    record.stages = [
        {**stage("pretrain", "pretrain", "natural1k + BCCD"), "images": 1205},
        stage("detect_ssl", "detection", data, **{"coco/bbox_mAP": ssl}),
        stage("detect_random", "detection", data, **{"coco/bbox_mAP": random}),
    ]
    return record


def texts(table, row=0):
    return {c.label: shown(table.rows[row].get(c.key), c).text for c in table.columns}


def test_a_comparison_makes_one_row():
    table = pipelines_table([("results/x", pipeline())])
    assert texts(table) == {
        "Pipeline": "bccd",
        "Pretrained on": "natural1k + BCCD, 1,205 images",
        "Measured": "box AP",
        "On": "BCCD",
        "SSL weights": "30.1",
        "Random weights": "25.0",
        "Difference": "+5.1",
        "Time of all": "30 min",
        "Record": "2030-01-02",
    }
    assert table.rows[0]["record"].href == "results/x"
    assert "record" not in pipelines_table([("", pipeline())]).rows[0]


def test_generated_data_and_uncommitted_code_are_marked():
    assert not pipelines_table([("", pipeline())]).notes
    record = pipeline(data="Collage")
    record.git["dirty"] = True
    table = pipelines_table([("x", record)])
    assert texts(table)["On"] == "Collage (synthetic)"
    assert table.notes == ["Collage is generated: its scores are synthetic."]
    assert table.rows[0]["record"].note == "(uncommitted code)"


def test_missing_values_are_shown_as_such():
    alone = {key: value for key, value in BOX_AP.items() if key != "random"}
    row = texts(pipelines_table([("", pipeline(compare=[alone]))]))
    assert (row["SSL weights"], row["Random weights"], row["Difference"]) == ("30.1", "–", "–")
    for record in (pipeline(ssl=None), pipeline(random=math.nan)):
        assert texts(pipelines_table([("", record)]))["Difference"] == "not finite"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ssl": "detect"}, r"'bccd': config.compare\[0\].ssl is 'detect'.*detect_random"),
        ({"random": "nothing"}, r"compare\[0\].random is 'nothing'"),
        ({"metric": "mIoU"}, r"compare\[0\].metric is 'mIoU'; stage 'detect_ssl' has.*bbox_mAP"),
    ],
)
def test_comparisons_of_missing_stages_and_metrics(change, message):
    with pytest.raises(RecordError, match=message):
        pipelines_table([("", pipeline(compare=[{**BOX_AP, **change}]))])


def test_setup_and_memory():
    record = pipeline()
    record.hardware |= {"cpu": "A processor", "cores": 2}
    record.versions["python"] = "3.11.2"
    record.metrics = {"installed_gib": 1.84, "setup_s": 121.0}
    assert list(texts(setup_table([("r", record)])).values()) == [
        *("A processor, 2 cores", "3.11.2", "1.8 GiB", "2 min", "2030-01-02")
    ]
    with pytest.raises(RecordError, match="r: field 'metrics' lacks early_mib, late_mib, steps"):
        memory_table([("r", record)])
    record.metrics = {"steps": 10000, "early_mib": 1000.0, "late_mib": 1005.4}
    assert list(texts(memory_table([("r", record)])).values()) == [
        *("bccd", "10,000", "1,000 MiB", "1,005 MiB", "+0.54 %", "2030-01-02")
    ]
    with pytest.raises(RecordError, match="r: field 'metrics' lacks installed_gib, setup_s"):
        setup_table([("r", record)])


def test_the_newest_record_of_each_name_counts(tmp_path):
    old = pipeline(ssl=0.1)  # in the folder that sorts last
    old.date = "2029-01-01T00:00:00+00:00"
    keep(old, "z", root=tmp_path / "results")
    keep(pipeline(), "a", root=tmp_path / "results")
    keep(pipeline(name="another"), "b", root=tmp_path / "results")
    for day, ratio in (
        ("2030-01-01_operators", 5.0),
        ("2030-01-02_operators", 4.0),
        ("2030-01-03_training", 3.0),
    ):
        folder = tmp_path / "results" / "benchmarks" / day
        folder.mkdir(parents=True)
        rows = [{**OPERATOR, "ratio": ratio, "ours_s": 0.05 / ratio}]
        (folder / "benchmark.json").write_text(json.dumps({"results": rows}))
    results, tables = read_results(tmp_path), all_tables()
    rows = tables["pipelines"](results).rows
    assert [row["pipeline"].text for row in rows] == ["another", "bccd"]
    assert rows[1]["record"].href == "results/pipelines/2030-01-02_a"
    operators = tables["operators"](results)
    assert [row["ratio"] for row in operators.rows] == [4.0]
    assert operators.records[0].href == "results/benchmarks/2030-01-02_operators"
    assert tables["training"](results).rows[0]["ratio"] == 3.0
    assert tables["setup"](results).rows == []
    nothing = read_results(tmp_path / "nowhere")
    assert not any(make(nothing).rows for make in tables.values())


def benchmarks(*rows, **options):
    kept = [(f"b/{number}_kind", [row]) for number, row in enumerate(rows)]
    return kept_benchmarks("kind", "Operator", **options)(Results([], kept))


def test_benchmarks():
    table = benchmarks(OPERATOR)
    assert list(texts(table).values()) == [
        *("nms", "2,000 boxes", "greedy loop", "10 ms", "50 ms", "5.00")
    ]
    assert [link.href for link in table.records] == ["b/0_kind"]
    two = benchmarks(OPERATOR, OPERATOR | {"name": "other"}, costs=True)
    assert [row["record"].text for row in two.rows] == ["0_kind", "1_kind"] and not two.records
    assert texts(two)["Ours / other"] == "0.200"
    step = {**OPERATOR, "other": "training step", "ours_s": 0.0028, "other_s": 4.6, "ratio": 1671}
    row = texts(benchmarks(step))
    # 100 / 1671 = 0.0598, to two digits 0.060
    assert (row["Other"], row["Times faster"]) == ("4.60 s", "0.060 % of it")
    memory = {"name": "m", "setting": "s", "other": "b", "ours_mib": 1000, "other_mib": 500}
    row = texts(benchmarks(memory | {"ratio": 0.5}))
    assert list(row.values())[3:] == ["1,000 MiB", "500 MiB", "0.500"]


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(0.03141, "0.0314"), (0.99961, "1.00"), (12.107, "12.1"), (99.96, "100"), (1671.01, "1,670")],
)
def test_a_ratio_has_three_digits(ratio, text):
    assert texts(benchmarks({**OPERATOR, "ratio": ratio}))["Times faster"] == text


def test_the_summary_shows_both_sides_and_their_difference():
    metrics = [{"metric": "ap", "label": "AP75", "scale": 100}]
    config = {"seeds": [0, 1, 2], "metrics": metrics}
    record = Record.begin("toy", "study", config=config, seed=None)
    record.metrics = {"rpn/ap/mean": 0.572, "rpn/ap/sd": 0.019, "new/ap/mean": 0.54}
    record.hardware = {"gpus": [], "cores": 2}
    results = Results([("results/toy/day_study", record)], [])
    headline = Headline("Ours", "toy", "study", "BCCD", "ap", "new", "rpn")
    table = summary_table(results, [headline, headline._replace(study="none")])
    (row,) = table.rows
    assert (row["without"].mean, row["without"].sd) == pytest.approx((57.2, 1.9))
    assert row["with"] == Score(54.0, None, 3)
    assert row["difference"] == pytest.approx(-3.2)
    assert row["record"].href == "results/toy/day_study"
    assert table.notes == ["Mean ± standard deviation over 3 seeds, on 2 CPU cores."]
    record.hardware = {"gpus": ["H200"], "cores": 16}
    assert summary_table(results, [headline]).notes[0].endswith("on H200.")
    for change, message in (
        ({"variant": "x"}, "results/toy/day_study: .* lacks x/ap/mean"),
        ({"metric": "x"}, "results/toy/day_study: the study has no metric 'x'"),
    ):
        with pytest.raises(RecordError, match=message):
            summary_table(results, [headline._replace(**change)])
