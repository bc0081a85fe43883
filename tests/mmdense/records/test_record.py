"""Records: writing, reading and keeping."""

import json
import math

import numpy as np
import pytest

from mmdense.records.record import Record, RecordError, keep, load, save

CLEAN = {"commit": "0" * 40, "dirty": False, "dirty_files": []}


@pytest.fixture
def record():
    made = Record.begin("simsiam", "toy", config={"lr": 0.1}, seed=3)
    made.git = dict(CLEAN)
    made.metrics = {"coco/bbox_mAP": 0.123456789}
    made.curves = {"train/loss": [[1, 2.0], [2, 1.0]]}
    made.wall_time_s = 12.3456789
    return made


def test_round_trip(record, tmp_path):
    record.notes = ["größer"]
    path = save(record, tmp_path / "new" / "record.json")
    text = path.read_text(encoding="utf-8")
    assert text.endswith("}\n") and "größer" in text
    assert "[2, 1.0]" in text  # one point of a curve on one line
    assert list(json.loads(text)) == sorted(json.loads(text))
    again = load(path)
    assert again.metrics == {"coco/bbox_mAP": 0.123457}  # six significant digits
    assert again.wall_time_s == 12.3457
    assert again.curves == record.curves
    assert (again.slug, again.name, again.seed) == ("simsiam", "toy", 3)
    assert again.config == {"lr": 0.1}
    save(again, tmp_path / "second.json")
    assert (tmp_path / "second.json").read_bytes() == path.read_bytes()


def test_values_that_are_not_finite(record, tmp_path):
    record.metrics |= {"loss": math.nan, "ap": np.float32(0.5)}
    record.curves["train/loss"].append([3, math.inf])
    record.stages = [{"name": "probe", "metrics": {"top1": math.nan}}]
    path = save(record, tmp_path / "record.json")
    content = json.loads(path.read_text())
    assert content["metrics"]["loss"] is None
    assert content["metrics"]["ap"] == 0.5
    assert content["curves"]["train/loss"][2] == [3, None]
    assert content["not_finite"] == [
        *("curves.train/loss", "metrics.loss", "stages.probe.metrics.top1")
    ]
    again = load(path)
    assert math.isnan(again.metrics["loss"])
    assert math.isnan(again.curves["train/loss"][2][1])
    assert load(save(again, path)).not_finite == again.not_finite  # each once


def test_a_failed_write_leaves_the_old_file(record, tmp_path):
    path = save(record, tmp_path / "record.json")
    before = path.read_bytes()
    record.stages = [{"name": object()}]
    with pytest.raises(TypeError):
        save(record, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["record.json"]


def damage(change):
    def apply(path):
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return apply


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda path: path.unlink(), "no such record"),
        (lambda path: path.write_text("{"), "not JSON"),
        (lambda path: path.write_text("[]"), "expected a JSON object, found list"),
        (damage(lambda c: c.update(schema=0)), "field 'schema' is 0"),
        (damage(lambda c: c.pop("schema")), "field 'schema' is None"),
        (damage(lambda c: c.pop("metrics")), r"lacks field\(s\) metrics"),
        (damage(lambda c: c.update(speed=1)), r"unknown field\(s\) speed"),
        (damage(lambda c: c.update(metrics=[])), "field 'metrics' must be a dict"),
        (damage(lambda c: c.update(stages={})), "field 'stages' must be a list"),
        (damage(lambda c: c.update(curves={"a": [1, 2]})), "field 'curves.a' must be a list of"),
        (damage(lambda c: c.update(metrics={"a": "x"})), "field 'metrics.a' must be a number"),
    ],
)
def test_a_broken_record_names_file_and_field(record, tmp_path, break_it, message):
    path = save(record, tmp_path / "record.json")
    break_it(path)
    with pytest.raises(RecordError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_keep(record, tmp_path):
    path = keep(record, "toy_r18", root=tmp_path)
    assert path == tmp_path / "simsiam" / f"{record.date[:10]}_toy_r18" / "record.json"
    assert load(path).name == "toy"
    with pytest.raises(RecordError, match="never overwritten"):
        keep(record, "toy_r18", root=tmp_path)


def test_keep_needs_committed_code(record, tmp_path):
    record.git = {"commit": "0" * 40, "dirty": True, "dirty_files": ["mmdense/a.py"]}
    with pytest.raises(RecordError, match=r"uncommitted changes \(mmdense/a.py\)"):
        keep(record, "x", root=tmp_path)
    record.git = {"commit": None, "dirty": False, "dirty_files": []}
    with pytest.raises(RecordError, match="no commit"):
        keep(record, "x", root=tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert keep(record, "x", root=tmp_path, allow_dirty=True).is_file()


@pytest.mark.parametrize("what", ["", "a/b", "..", "../x", "a b", ".hidden"])
def test_keep_needs_names_of_folders(record, tmp_path, what):
    with pytest.raises(RecordError, match="cannot name a folder"):
        keep(record, what, root=tmp_path)
    record.slug = what
    with pytest.raises(RecordError, match="slug"):
        keep(record, "x", root=tmp_path)
