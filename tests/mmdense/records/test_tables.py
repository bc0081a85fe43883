"""Tables are pure functions of records; what cannot be shown is an error that names its place."""

import json
import math

import pytest

from mmdense.records.kept_results import read_results
from mmdense.records.markdown import NOTHING
from mmdense.records.record import Record, RecordError, keep
from mmdense.records.tables import TABLES, memory_table, pipelines_table, setup_table
from tests.mmdense.records.test_benchmark_file import OPERATOR

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


def cells(line):
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_a_comparison_makes_one_row():
    table = pipelines_table([pipeline()], ["results/pipelines/2030-01-02_bccd"])
    header, rule, row = table.splitlines()
    assert dict(zip(cells(header), cells(row), strict=True)) == {
        "Pipeline": "`bccd`",
        "Pretrained on": "natural1k + BCCD, 1,205 images",
        "Measured": "box AP",
        "On": "BCCD",
        "SSL weights": "30.1",
        "Random weights": "25.0",
        "Difference": "+5.1",
        "Time of all": "30 min",
        "Record": "[2030-01-02](results/pipelines/2030-01-02_bccd)",
    }
    assert dict(zip(cells(header), cells(rule), strict=True))["Difference"] == "---:"


def test_without_links_there_is_no_link_column():
    table = pipelines_table([pipeline()])
    assert "Record" not in table
    assert "](" not in table


def test_generated_data_is_marked():
    assert "synthetic" not in pipelines_table([pipeline()])
    table = pipelines_table([pipeline(data="Collage")])
    assert "| Collage (synthetic) |" in table
    assert table.endswith("\n\nCollage is generated: its scores are synthetic.")


def test_uncommitted_code_is_marked():
    record = pipeline()
    record.git["dirty"] = True
    assert "[2030-01-02](x) (uncommitted code)" in pipelines_table([record], ["x"])


def test_missing_values_are_shown_as_such():
    alone = {key: value for key, value in BOX_AP.items() if key != "random"}
    row = pipelines_table([pipeline(compare=[alone])]).splitlines()[2]
    assert "| 30.1 | – | – |" in row
    row = pipelines_table([pipeline(ssl=None)]).splitlines()[2]
    assert "| nan | 25.0 | +nan |" in row or "| nan | 25.0 | nan |" in row
    row = pipelines_table([pipeline(random=math.nan)]).splitlines()[2]
    assert "| 30.1 | nan |" in row


def test_a_bar_in_a_label_does_not_break_the_table():
    row = pipelines_table([pipeline(compare=[{**BOX_AP, "label": "a|b"}])]).splitlines()[2]
    assert "a\\|b" in row


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ssl": "detect"}, r"'bccd': config.compare\[0\].ssl is 'detect'.*detect_random"),
        ({"random": "nothing"}, r"compare\[0\].random is 'nothing'"),
        ({"metric": "mIoU"}, r"compare\[0\].metric is 'mIoU'; stage 'detect_ssl' has.*bbox_mAP"),
    ],
)
def test_a_comparison_of_what_is_not_there(change, message):
    with pytest.raises(RecordError, match=message):
        pipelines_table([pipeline(compare=[{**BOX_AP, **change}])])


def test_setup():
    record = pipeline()
    record.hardware |= {"cpu": "A processor", "cores": 2}
    record.versions["python"] = "3.11.2"
    record.metrics = {"installed_gib": 1.84, "setup_s": 121.0}
    row = setup_table([record], ["r"]).splitlines()[2]
    assert row == "| A processor, 2 cores | 3.11.2 | 1.8 GiB | 2 min | [2030-01-02](r) |"
    del record.metrics["setup_s"]
    with pytest.raises(RecordError, match="r: field 'metrics' lacks setup_s"):
        setup_table([record], ["r"])


@pytest.fixture
def results(tmp_path):
    """Two records of one pipeline, the older one in the folder that sorts last; benchmarks."""
    old = pipeline(ssl=0.1)
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
    return tmp_path


def test_the_newest_record_of_each_name_counts(results):
    table = TABLES["pipelines"](read_results(results), "../")
    rows = table.splitlines()[2:4]
    assert [cells(row)[0] for row in rows] == ["`another`", "`bccd`"]
    assert "(../results/pipelines/2030-01-02_a)" in rows[1]
    operators = TABLES["operators"](read_results(results), "").splitlines()[2:]
    link = "[2030-01-02_operators](results/benchmarks/2030-01-02_operators)"
    assert len(operators) == 3 and operators[2].startswith(f"Record: {link}. Code unknown: ")
    assert "| 4.00 |" in operators[0]
    training = TABLES["training"](read_results(results), "")
    assert "| 3.00 |" in training and "Record: [2030-01-03_training](" in training
    assert TABLES["setup"](read_results(results), "") == NOTHING


def test_a_missing_results_folder_is_an_empty_one(tmp_path):
    assert {make(read_results(tmp_path), "") for make in TABLES.values()} == {NOTHING}


def test_every_table_of_records_marks_its_rows():
    record = pipeline()
    record.metrics = {"installed_gib": 1.0, "setup_s": 1.0}
    record.metrics |= {"steps": 1.0, "early_mib": 1.0, "late_mib": 1.0}
    for table in (setup_table, memory_table, pipelines_table):
        lines = table([record, record], ["r", "r"], ["unknown", "stale"]).splitlines()
        assert lines[2].endswith("[2030-01-02](r) (code unknown) |")
        assert lines[3].endswith("[2030-01-02](r) (stale) |")
        assert lines[-1].startswith("Stale: ") and "Code unknown: " in lines[-1]
        assert "unknown" not in table([record], ["r"], ["current"]).lower()


def test_memory():
    record = pipeline()
    record.metrics = {"steps": 10000, "early_mib": 1000.0, "late_mib": 1005.4}
    row = memory_table([record], ["r"]).splitlines()[2]
    assert "| 10,000 | 1,000 MiB | 1,005 MiB | +0.54 % |" in row
    del record.metrics["late_mib"]
    with pytest.raises(RecordError, match="r: field 'metrics' lacks late_mib"):
        memory_table([record], ["r"])


def test_a_row_whose_code_has_changed_is_marked(tmp_path):
    record = pipeline()
    (tmp_path / "mmdense").mkdir()
    (tmp_path / "mmdense" / "a.py").write_text("x = 1\n")
    record.sources = {"mmdense/a.py": "another", "mmdense/gone.py": "hash"}
    keep(record, "a", root=tmp_path / "results")
    results = read_results(tmp_path)
    assert results.changed == {"results/pipelines/2030-01-02_a": list(record.sources)}
    table = TABLES["pipelines"](results, "")
    assert "[2030-01-02](results/pipelines/2030-01-02_a) (stale) |" in table
    assert table.endswith("Stale: code that the row came from has changed since.")
