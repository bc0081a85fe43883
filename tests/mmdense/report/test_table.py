"""A table of every kind of value, in each renderer once."""

import io
import math
import re

import pytest
from rich.console import Console

from mmdense.records.statistics import Paired
from mmdense.report.table import EMPTY, Column, Quantity, Score, Table, Text, shown

BETTER = Paired(difference=2.0, low=0.5, high=3.5, p=0.02, pairs=3)
AP = Column("ap", "AP | all", format=".1f", numeric=True, higher_is_better=True)
TABLE = Table(
    "A <title>",
    [Column("name", "Name"), AP, Column("time", "Time", "s", ",.0f", numeric=True)],
    [
        {"name": Text("a & b", code=True), "ap": Score(30.0, 1.0, 3), "time": 1234.5},
        {"name": "c|d", "ap": Score(32.04, 0.55, 3, against=BETTER, detailed=True)},
        {"name": Text("day", href="results/x", note="(dirty)"), "ap": math.nan, "time": 7},
    ],
    ["A <note>."],
    [Text("x", href="results/x")],
)


def test_markdown():
    assert TABLE.markdown("../").splitlines() == [
        "| Name | AP \\| all | Time |",
        "| --- | ---: | ---: |",
        "| `a & b` | 30.0 ± 1.0 | 1,234 s |",
        "| c\\|d | **32.0 ± 0.6**<br>+2.0 (+0.5 to +3.5), p 0.02 | – |",
        "| [day](../results/x) (dirty) | not finite | 7 s |",
        "",
        "A <note>. Record: [x](../results/x).",
    ]
    assert Table("", [AP], []).markdown() == EMPTY


def test_html():
    html = TABLE.html()
    assert "A &lt;title&gt;" in html and "A &lt;note&gt;." in html and "<note>" not in html
    assert "<code>a &amp; b</code>" in html
    assert '<a href="results/x">day</a><small>(dirty)</small>' in html
    best = '<strong>32.0 <span class="spread">± 0.6</span></strong>'
    assert f'<td class="number" data-value="32.04">{best}<small>+2.0 (+0.5 to' in html
    assert re.findall(r'data-value="([^"]*)"', html) == ["30.0", "1234.5", "32.04", "", "", "7.0"]
    assert html.count('<th scope="row"') == 3


def test_csv():
    assert TABLE.csv().splitlines() == ["name,ap,time", "a & b,30,1234.5", "c|d,32.04,", "day,,7"]
    quoted = Table("", [Column("a", "A")], [{"a": 'say "x", y'}, {"a": 1 / 3}, {}])
    assert quoted.csv() == 'a\n"say ""x"", y"\n0.333333\n""\n'


def test_terminal():
    console = Console(width=80, file=io.StringIO())
    console.print(TABLE.terminal())
    text = console.file.getvalue()
    for part in ("A <title>", "a & b", "32.0 ± 0.6", "+2.0 (+0.5 to +3.5), p 0.02", "1,234 s"):
        assert part in text


@pytest.mark.parametrize(
    ("value", "text", "note"),
    [
        (Score(2 / 3, 0.5, 3, counted=True), "2 of 3", ""),
        (Score(math.nan, 0.5, 3), "not finite", ""),
        (Score(1.0), "1.0", ""),
        (Quantity(0.0598, "% of it", ".2f"), "0.06 % of it", ""),
        ({"complete": 2, "none": 0, "hidden": 1}, "2 complete, 1 hidden", ""),
        ({}, "–", ""),
    ],
)
def test_values(value, text, note):
    found = shown(value, AP)
    assert (found.text, found.note) == (text, note)


def test_a_comparison_over_fewer_seeds_shows_how_many():
    few, one = BETTER._replace(pairs=2), Paired(1.0, math.nan, math.nan, math.nan, 1)
    assert shown(Score(1.0, 0.1, 3, against=few), AP).note == "2 pairs"
    assert shown(Score(1.0, 0.1, 3, against=few), AP, p=True).note == "p 0.02, 2 pairs"
    assert shown(Score(1.0, 0.1, 3, against=one, detailed=True), AP).note == "+1.0, 1 pair"
    none = Paired(math.nan, math.nan, math.nan, math.nan, 0)
    assert shown(Score(1.0, 0.1, 3, against=none, detailed=True), AP).note == ""


def test_equal_as_shown_are_both_the_best():
    rows = [{"ap": 31.0}, {"ap": 31.01}, {"ap": 2.0}, {"ap": None}, {"ap": math.nan}]
    table = Table("", [AP], rows)
    assert table.best(AP) == [True, True, False, False, False]
    lower = Column("ap", "AP", format=".1f", higher_is_better=False)
    assert table.best(lower) == [False, False, True, False, False]
    assert table.best(Column("ap", "AP")) == [False] * 5


def test_columns_that_all_rows_share_are_split_off():
    columns = [Column("a", "A"), Column("b", "B", "s", numeric=True), Column("c", "C")]
    table = Table("", columns, [{"a": "x", "b": 1, "c": "y"}, {"a": "x", "b": 2, "c": "y"}])
    shared, rest = table.split_shared(["a", "b"])
    assert shared == {"A": "x"}
    assert [column.key for column in rest.columns] == ["b", "c"]
    assert rest.rows[0] == {"b": 1, "c": "y"}


def test_what_is_no_table_is_refused():
    with pytest.raises(ValueError, match=r"row 0 has \['b'\], not a column"):
        Table("t", [Column("a", "A")], [{"b": 1}])
    with pytest.raises(ValueError, match="two columns have one key"):
        Table("t", [Column("a", "A"), Column("a", "B")], [])
