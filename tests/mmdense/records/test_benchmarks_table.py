"""A table of benchmarks says both sides and their ratio."""

import pytest

from mmdense.records.benchmarks_table import benchmarks_table
from tests.mmdense.records.test_benchmark_file import OPERATOR


def test_operators():
    table = benchmarks_table([OPERATOR], ["results/benchmarks/a"], what="Operator")
    lines = table.splitlines()
    assert lines[2] == "| nms | 2,000 boxes | greedy loop | 10 ms | 50 ms | 5.00 |"
    assert lines[-1] == "Record: [a](results/benchmarks/a)."
    links = [f"results/benchmarks/{name}" for name in "ab"]
    lines = benchmarks_table([OPERATOR] * 2, links, what="Operator").splitlines()
    assert [line.rsplit("|", 2)[1] for line in lines[2:]] == [
        " [a](results/benchmarks/a) ",
        " [b](results/benchmarks/b) ",
    ]


def test_what_does_more_is_told_by_what_it_costs():
    table = benchmarks_table([OPERATOR], ["x"], what="Operator", costs=True).splitlines()
    assert "| Ours / other |" in table[0]
    assert "| 50 ms | 0.200 |" in table[2]


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
    assert "| 1,000 MiB | 500 MiB | 0.500 |" in table[3]


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [
        (0.03141, "0.0314"),
        (0.99961, "1.00"),
        (1.7005, "1.70"),
        (12.107, "12.1"),
        (99.96, "100"),
        (1671.01, "1,670"),
    ],
)
def test_a_ratio_has_three_digits(ratio, shown):
    table = benchmarks_table([{**OPERATOR, "ratio": ratio}], ["x"], what="Part")
    assert f"| 50 ms | {shown} |" in table


def test_a_part_says_its_share_of_the_whole():
    row = {**OPERATOR, "other": "training step", "ours_s": 0.0028, "other_s": 4.6, "ratio": 1671.01}
    # 100 / 1671.01 = 0.0598, to two digits 0.060
    assert "| 4.60 s | 0.060 % of it |" in benchmarks_table([row], ["x"], what="Part")
    assert "| 25 % of it |" in benchmarks_table([{**row, "ratio": 4.0}], ["x"], what="Part")


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
    table = benchmarks_table(rows[:2], ["x", "x"], what="Part", states=["stale"] * 2)
    assert table.splitlines()[-1].startswith("Record: [x](x). Stale: code ")
