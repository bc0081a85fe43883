"""Cells carry what they are sorted by, and columns of numbers know it."""

import math
import re

import pytest

from mmdense.report.sortable_table import Cell, number_cell, sortable_table


def test_numbers_words_and_gaps():
    html = sortable_table(
        "A <table>",
        ["Name", "Value"],
        [
            [Cell("a & b"), number_cell(1234.56)],
            [Cell("c"), number_cell(None)],
            [Cell("d"), number_cell(math.nan)],
            [Cell("e"), Cell("2 of 3", 0.5, best=True, note="p 0.04")],
        ],
    )
    assert re.findall(r'data-value="([^"]*)"', html) == ["1234.56", "", "", "0.5"]
    assert '<td class="number" data-value="1234.56">1,235</td>' in html
    assert "<strong>2 of 3</strong><small>p 0.04</small>" in html
    assert ">–<" in html and ">not finite<" in html
    assert '<th scope="row">a &amp; b</th>' in html
    assert html.count('<button type="button">') == 2
    assert "<table>" not in html
    assert html.count('class="number"') == 5  # the head of the column and its cells


def test_a_spread_may_stand_below_its_mean_and_long_names_get_room():
    cells = [Cell("of many words " * 3), Cell("31.0 ± 1.0", 31.0, best=True)]
    html = sortable_table("x", ["Name", "Value"], [cells])
    assert '<strong>31.0 <span class="spread">± 1.0</span></strong>' in html
    assert '<th scope="row" class="long">of many' in html


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="row 1 has 1 cells under 2 heads"):
        sortable_table("x", ["a", "b"], [[Cell("1"), Cell("2")], [Cell("3")]])
