"""Panels: gaps, lines of reference, and SVGs whose colours are the page's."""

import math
import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from mmdense.collapse.report.runs import Run
from mmdense.report.panels import (
    COLOURS,
    DASHES,
    Chart,
    Line,
    Panel,
    draw_curve,
    of,
    panel_svgs,
    write_png,
)
from tests.mmdense.collapse.report.made_up_runs import made_up

HALF = Line("half", lambda run: 0.5)


def chart(*panels):
    return Chart("few", "Few", "Read it.", panels)


def lines_of(points):
    axes = Figure().subplots()
    draw_curve(axes, points, COLOURS[0], "solid")
    curve, dots, ends = axes.lines
    return curve.get_xydata(), dots.get_xdata().tolist(), ends.get_xdata().tolist()


def test_a_gap_is_a_gap_and_its_beginning_is_marked():
    nan = math.nan
    curve, dots, ends = lines_of([(1, 0.1), (2, nan), (3, nan), (4, 0.4), (5, 0.5)])
    assert np.isnan(curve[:, 1]).tolist() == [False, True, True, False, False]
    assert dots == [1, 4, 5]  # short curves have a dot a value
    assert ends == [1]


def test_a_long_curve_has_dots_only_where_no_line_is():
    points = [(step, math.nan if step in (9, 11) else 1.0) for step in range(40)]
    _, dots, ends = lines_of(points)
    assert dots == [10]
    assert ends == [8, 10]


@pytest.mark.parametrize("value", [0.5, math.nan])
def test_a_single_point(value):
    _, dots, ends = lines_of([(7, value)])
    assert dots == ([] if math.isnan(value) else [7])
    assert ends == []


def test_eight_runs_differ_in_colour_and_in_print():
    assert len(set(COLOURS)) == len(set(map(str, DASHES))) == 8


def test_an_svg_has_the_colours_of_the_page_and_ids_of_its_own():
    panels = chart(Panel("m_o", of("m_o"), (HALF,)), Panel("m_r", of("m_r")))
    first, second = panel_svgs(panels, [made_up("a"), made_up("b")])
    for name in ("--ink", "--quiet", "--grid", "--run-0", "--run-1"):
        assert f"var({name})" in first
    assert not re.search(r"#[0-9a-f]{6}\b", first)
    assert "half = 0.5" in first
    assert "half" not in second
    ids = [re.findall(r'\bid="([^"]+)"', svg) for svg in (first, second)]
    assert not set(ids[0]) & set(ids[1])
    assert all(len(own) == len(set(own)) for own in ids)
    for svg, own in zip((first, second), ids):
        assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)) <= {
            pair for one in own for pair in ((one, ""), ("", one))
        }
        assert "http" not in svg
        assert svg.startswith("<svg") and svg.endswith("</svg>")
        assert "font-family" not in svg  # the page's
        assert not re.search(r"<[^>]*\d\.\d{3}[^>]*>", svg)
    assert panel_svgs(panels, [made_up("a"), made_up("b")]) == [first, second]


def test_lines_that_differ_are_named_once():
    of_batch = Line("of a batch", lambda run: run.facts.get("batch"))
    panels = chart(Panel("m_o", of("m_o"), (of_batch,)))
    (svg,) = panel_svgs(panels, [made_up("a"), made_up("b", batch=32)])
    assert svg.count("of a batch, by run") == 1


def test_marks_are_named_once_and_what_runs_share_is_drawn_once():
    marks = {"a": [(0, "first"), (3, "then"), (6, "first")], "b": [(0, "first"), (4, "then")]}
    (plain,) = panel_svgs(chart(Panel("m_o", of("m_o"))), [made_up("a"), made_up("b")])
    panels = chart(Panel("m_o", of("m_o"), marks=lambda run: marks[run.name]))
    (svg,) = panel_svgs(panels, [made_up("a"), made_up("b")])
    assert svg.count(">first<") == 1
    assert svg.count(">then<") == 2  # at a step of its own in each
    upright = svg.count("stroke-dasharray") - plain.count("stroke-dasharray")
    assert upright == 4  # at 0, 3 and 6, and at 4
    unseen = Panel("m_o", of("m_o"), marks=lambda run: [(1, "of no curve")])
    (svg,) = panel_svgs(chart(unseen), [made_up("a"), Run("c", "", "", {}, {}, [])])
    assert svg.count(">of no curve<") == 1


def test_a_chart_is_written_as_png(tmp_path):
    panels = chart(*(Panel("m_o", of("m_o"), log=True, title=str(k)) for k in range(4)))
    path = write_png(panels, [made_up()], tmp_path / "new")
    assert path == tmp_path / "new" / "few.png"
    assert path.read_bytes().startswith(b"\x89PNG")
