"""A table of benchmarks says both sides and their ratio."""

from mmdense.records.benchmarks_table import benchmarks_table
from tests.mmdense.records.test_benchmark_file import OPERATOR


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


def test_a_row_says_what_became_of_its_code():
    rows = [OPERATOR, OPERATOR, OPERATOR]
    table = benchmarks_table(rows, ["x"] * 3, what="Part", states=["current", "stale", "unknown"])
    lines = table.splitlines()
    assert [line.partition("[x](x)")[2] for line in lines[2:5]] == [
        " |",
        " (stale) |",
        " (code unknown) |",
    ]
    assert lines[-1].startswith("Stale: ")
