import json
from dataclasses import asdict
from pathlib import Path

import pytest

from mmdense.records.expected import compare_expected, refresh, refresh_all
from mmdense.records.record import Record, RecordError

CONFIG = '''"""A card."""

lr = 0.1

expected = [
    dict(record="pipelines/2026-01-01_x", metric="detect/box AP", tolerance=0.02),
]
'''


@pytest.fixture
def results(tmp_path):
    record = Record.begin("pipelines", "x", config={}, seed=0)
    record.metrics = {"detect/box AP": 0.3125}
    folder = tmp_path / "results" / "pipelines" / "2026-01-01_x"
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps(asdict(record)))
    return tmp_path / "results"


def test_the_value_comes_from_the_record_and_nothing_else_changes(results):
    fresh = refresh(CONFIG, results=results)
    assert fresh.startswith('"""A card."""\n\nlr = 0.1\n\nexpected = [\n')
    assert "        value=0.3125,\n        tolerance=0.02,\n" in fresh
    assert refresh(fresh, results=results) == fresh
    assert refresh(fresh.replace("0.3125", "0.9"), results=results) == fresh


@pytest.mark.parametrize("text", ["lr = 0.1\n", "expected = []\n", ""])
def test_a_config_that_expects_nothing_stays(results, text):
    assert refresh(text, results=results) == text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((", tolerance=0.02", ""), r"my.py: expected\[0\] lacks tolerance"),
        (("box AP", "mask AP"), r"'detect/mask AP' is not in record.*it has detect/box AP"),
        (("01_x", "01_y"), "there is no such record"),
    ],
)
def test_a_wrong_entry_is_named(results, change, message):
    with pytest.raises(RecordError, match=message):
        refresh(CONFIG.replace(*change), results=results, where="my.py")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.47, "within tolerance"),
        (0.50, "within tolerance"),
        (0.45, "outside, by -0.03"),
        (float("nan"), "outside, by +nan"),
    ],
)
def test_a_run_is_compared_with_what_is_expected(value, said):
    entry = {"record": "pipelines/x", "metric": "detect/coco/AP", "value": 0.48, "tolerance": 0.02}
    for name in ("detect/coco/AP", "coco/AP"):
        (found,) = compare_expected([entry], {name: value, "coco/AP_50": 1.0})
        assert found.startswith(f"{name} is {value:.4g}, expected 0.48 ± 0.02 (pipelines/x): ")
        assert found.endswith(said)
    assert compare_expected([entry], {"mIoU": 1.0}) == []
    of_study = {**entry, "metric": "rpn/coco/AP/mean"}
    for name in ("rpn/coco/AP/mean", "coco/AP"):
        assert len(compare_expected([of_study], {name: value, "rpn/coco/AP/sd": 0.1})) == 1


@pytest.mark.parametrize("entry", [{"metric": "AP", "record": "a/b", "tolerance": 1.0}, "AP"])
def test_an_entry_that_says_too_little_does_not_end_a_run(entry):
    (said,) = compare_expected([entry], {"AP": 1.0})
    assert said.endswith("was not compared, it needs metric, value and tolerance")


def test_a_figure_of_a_paper_is_compared_as_well():
    entry = {"paper": "arXiv:1909.06720, table 3", "metric": "AR", "value": 61.1, "tolerance": 1.0}
    assert "(arXiv:1909.06720, table 3): within" in compare_expected([entry], {"AR": 61.0})[0]


def test_only_configs_that_would_change_are_returned(results, tmp_path):
    configs = tmp_path / "configs"
    configs.mkdir()
    (configs / "stale.py").write_text(CONFIG)
    (configs / "fresh.py").write_text(refresh(CONFIG, results=results))
    assert list(refresh_all(configs, results=results)) == [Path(configs / "stale.py")]
