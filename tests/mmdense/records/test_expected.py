import json
from dataclasses import asdict
from pathlib import Path

import pytest

from mmdense.records.expected import read_expected, refresh, refresh_all
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
    assert "value=0.3125, tolerance=0.02),\n" in fresh
    assert refresh(fresh, results=results) == fresh
    assert refresh(fresh.replace("0.3125", "0.9"), results=results) == fresh


def test_a_record_is_a_string_or_the_name_of_one(results):
    named = CONFIG.replace('"pipelines/2026-01-01_x"', "_record")
    named = named.replace("lr = 0.1", '_record = "pipelines/2026-01-01_x"')
    fresh = refresh(named, results=results)
    assert "dict(record=_record, " in fresh and "value=0.3125" in fresh
    assert refresh(fresh, results=results) == fresh
    assert read_expected(fresh) == read_expected(refresh(CONFIG, results=results))


@pytest.mark.parametrize("text", ["lr = 0.1\n", "expected = []\n", ""])
def test_a_config_that_expects_nothing_stays(results, text):
    assert refresh(text, results=results) == text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((", tolerance=0.02", ""), r"my.py: expected\[0\] lacks tolerance"),
        (("box AP", "mask AP"), r"'detect/mask AP' is not in record.*it has detect/box AP"),
        (("01_x", "01_y"), "no such record"),
    ],
)
def test_a_wrong_entry_is_named(results, change, message):
    with pytest.raises(RecordError, match=message):
        refresh(CONFIG.replace(*change), results=results, where="my.py")


def test_only_configs_that_would_change_are_returned(results, tmp_path):
    configs = tmp_path / "configs"
    configs.mkdir()
    (configs / "stale.py").write_text(CONFIG)
    (configs / "fresh.py").write_text(refresh(CONFIG, results=results))
    assert list(refresh_all(configs, results=results)) == [Path(configs / "stale.py")]
