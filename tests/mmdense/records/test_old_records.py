"""Records of each earlier layout, read as if they had been written today."""

import json
from pathlib import Path

import pytest

from mmdense.records.checks import Outcome
from mmdense.records.record import Record, load, save

ROOT = Path(__file__).resolve().parents[3]


NEW = ("checks", "first_losses", "not_finite", "verdict")


def written(tmp_path, schema, notes=(), config=None, stages=(), **fields):
    record = Record.begin("toy", "old", config={}, seed=0)
    content = json.loads(save(record, tmp_path / "record.json").read_text())
    for name in (*NEW, *(("cost", "data") if schema == 1 else ())):
        del content[name]
    old = {"sources": {"a.py": "0"}} if schema > 1 else {}
    old |= {"comparisons": []} if schema == 3 else {}
    changes = {"schema": schema, "notes": notes, "config": config or {}, "stages": stages, **fields}
    (tmp_path / "record.json").write_text(json.dumps(content | old | changes))
    return load(tmp_path / "record.json")


@pytest.mark.parametrize("schema", [1, 2, 3])
def test_fields_of_each_layout(tmp_path, schema):
    record = written(tmp_path, schema, ["healthy. m_o 0.5", "resumed after iteration 3"])
    assert record.schema == Record.begin("a", "b", config={}, seed=0).schema
    assert record.cost == {} and record.data == {}
    assert record.verdict == {"name": "healthy", "reason": "m_o 0.5"}
    assert record.notes == ["resumed after iteration 3"]


def test_facts_that_were_notes(tmp_path):
    entry = {"metric": "AP", "value": 3.0, "tolerance": 0.5, "record": "a/b"}
    notes = [
        *("metrics.AP: not finite", "stages a, b ran at commit abc", "kept"),
        "AP is 1, expected 3 ± 0.5 (a/b): outside, by -2",
    ]
    curves = {"train/loss": [[step, 1 / step] for step in range(1, 31)]}
    stages = [
        {"name": "a", "metrics": {}, "curves": curves},
        {"name": "b", "metrics": {}, "curves": {"train/loss": [[2, 1.0], [4, 0.5]]}},
    ]
    config, metrics = {"expected": [entry]}, {"AP": 1.0}
    record = written(tmp_path, 2, notes, config, stages, metrics=metrics)
    assert record.notes == ["kept"] and record.not_finite == ["metrics.AP"]
    (check,) = record.checks
    assert (check.metric, check.value, check.verdict) == ("AP", 1.0, Outcome.OUTSIDE)
    losses = [stage["first_losses"] for stage in record.stages]
    assert losses == [[1 / step for step in range(1, 21)], []]  # those of b are means of two


def test_a_study_of_before(tmp_path):
    config = {
        "variants": [{"name": "a", "label": "**A** `b`"}],
        "metrics": [{"metric": "m", "label": "M", "words": {"healthy": "no"}}],
    }
    stages = [{"name": f"a/seed{seed}", "metrics": {}} for seed in (0, 1)]
    notes = ["stage a/seed1: complete collapse. all images point one way: m_o 1"]
    record = written(tmp_path, 3, notes, config, stages)
    assert record.config["variants"][0]["label"] == "A b"
    assert record.config["metrics"] == [{"metric": "m", "label": "M", "verdict": True}]
    assert record.stages[1]["verdict"]["name"] == "complete collapse"
    assert "verdict" not in record.stages[0] and not record.notes


@pytest.mark.parametrize("file", sorted(ROOT.glob("results/*/*/record.json")), ids=str)
def test_every_kept_record_is_read(file):
    assert load(file).date[:10] <= file.parent.name[:10]
