"""A table of benchmarks says both sides and their ratio, and a broken file says what is wrong."""

import json

import pytest

from mmdense.records.benchmarks_table import benchmarks_table
from mmdense.records.record import RecordError
from mmdense.records.tables import read_results

OPERATOR = {
    "name": "nms",
    "setting": "2,000 boxes",
    "ours_s": 0.01,
    "other": "greedy loop",
    "other_s": 0.05,
    "ratio": 5.0,
}


def test_operators():
    table = benchmarks_table([OPERATOR], ["results/benchmarks/a"], what="Operator")
    row = table.splitlines()[2]
    assert row == (
        "| nms | 2,000 boxes | greedy loop | 10 ms | 50 ms | 5.00 | [a](results/benchmarks/a) |"
    )


def test_memory_stands_beside_time_in_a_table_of_benchmarks():
    rows = [
        {"name": "a", "setting": "s", "other": "b", "ours_s": 2.0, "other_s": 3.0, "ratio": 1.5},
        {
            "name": "m",
            "setting": "s",
            "other": "b",
            "ours_mib": 1000,
            "other_mib": 500,
            "ratio": 0.5,
        },
    ]
    table = benchmarks_table(rows, ["x", "x"], what="Part").splitlines()
    assert "Times faster or smaller" in table[0]
    assert "| 2.00 s | 3.00 s | 1.50 |" in table[2]
    assert "| 1,000 MiB | 500 MiB | 0.50 |" in table[3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "not a JSON object with 'results'"),
        ("{", "not a JSON object with 'results'"),
        (json.dumps({"results": [{"name": "a"}]}), r"results\[0\] lacks setting, other"),
        (
            json.dumps({"results": [{**OPERATOR, "ratio": 0.2}]}),
            r"ratio is 0.2.*other_s / ours_s is 5",
        ),
    ],
)
def test_a_broken_benchmark_names_its_file(tmp_path, content, message):
    folder = tmp_path / "results" / "benchmarks" / "x"
    folder.mkdir(parents=True)
    (folder / "benchmark.json").write_text(content)
    with pytest.raises(RecordError, match=message) as caught:
        read_results(tmp_path)
    assert str(folder / "benchmark.json") in str(caught.value)
