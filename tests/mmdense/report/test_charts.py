"""Panels: gaps, reference lines, marks, and their images in the report."""

import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.figure import Figure

from mmdense.records.plots import COLOURS
from mmdense.report.charts import (
    DASHES,
    Chart,
    Line,
    Panel,
    draw_curve,
    draw_panel,
    drawn_chart,
    of,
    style_of,
    swatch_of,
    with_content,
    write_png,
)
from mmdense.report.collapse.runs import Run
from tests.mmdense.report.collapse.made_up_runs import made_up
from tests.mmdense.report.page_reader import content

HALF = Line("half", lambda run: 0.5)
NOTHING = Run("nothing", "", "", {}, {}, [])


def chart(*panels):
    return Chart("few", "Few", "Read it.", panels)


def drawn(panel, *runs):
    """The axes of a panel, and the names in it."""
    axes = Figure().subplots()
    draw_panel(axes, panel, runs)
    return axes, [text.get_text() for text in axes.texts]


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


def test_runs_differ_in_colour_and_in_dashes():
    assert len(set(COLOURS)) == len(set(DASHES)) == 8
    assert swatch_of(0) == (COLOURS[0], ())
    assert swatch_of(1) == (COLOURS[1], (12, 4.8))  # 2.4 pixels for each point
    assert style_of(9)[0] == style_of(1)[0] and style_of(9)[1] != style_of(1)[1]


def test_each_panel_is_an_image_with_words():
    panels = chart(
        Panel("m_o, length", of("m_o"), (HALF,), key="m_o"), Panel("m_r", of("m_r"), title="Space")
    )
    runs = [made_up("a"), NOTHING, made_up("<c>")]
    found = drawn_chart(panels, runs, legend=True)
    assert found.columns == 2
    assert found.legend == [("a", swatch_of(0)), ("<c>", swatch_of(2))]
    assert [panel.key for panel in found.panels] == ["m_o", ""]
    assert found.panels[0].alt == (
        "m_o, length (m_o) over training iterations; last values: a 0.268, <c> 0.268"
    )
    assert found.panels[1].alt == "Space: m_r"
    svg = content(found.panels[0].uri).decode()
    assert ET.fromstring(svg).tag.endswith("svg")
    assert "half = 0.5" in svg and COLOURS[0].lower() in svg and COLOURS[2].lower() in svg
    assert COLOURS[1].lower() not in svg and "metadata" not in svg
    assert drawn_chart(panels, runs, legend=False)[2:] == ([], found.panels)  # byte for byte


def test_panels_that_no_run_has_are_left_out():
    some = chart(Panel("m_o", of("m_o")), Panel("none", of("none")))
    (kept,) = with_content([some, chart(Panel("none", of("none")))], [NOTHING, made_up()])
    assert [panel.label for panel in kept.panels] == ["m_o"]


def test_lines_that_differ_are_named_once():
    of_batch = Line("of a batch", lambda run: run.facts.get("batch"))
    axes, names = drawn(Panel("m_o", of("m_o"), (of_batch,)), made_up("a"), made_up("b", batch=32))
    assert names == ["of a batch, by run"]
    levels = [line.get_ydata()[0] for line in axes.lines if list(line.get_xdata()) == [0, 1]]
    assert levels == [32, 64]


def test_marks_are_named_once_and_what_runs_share_is_drawn_once():
    marks = {"a": [(0, "first"), (3, "then"), (6, "first")], "b": [(0, "first"), (4, "then")]}
    panel = Panel("m_o", of("m_o"), marks=lambda run: marks[run.name])
    axes, names = drawn(panel, made_up("a"), made_up("b"))
    assert names == ["first", "then", "then"]  # at a step of its own in each
    upright = [line.get_xdata()[0] for line in axes.lines if list(line.get_ydata()) == [0, 1]]
    assert upright == [0, 3, 6, 4]
    unseen = Panel("m_o", of("m_o"), marks=lambda run: [(1, "of no curve")])
    assert drawn(unseen, made_up("a"), NOTHING)[1] == ["of no curve"]


def test_a_chart_is_written_as_png(tmp_path):
    panels = chart(*(Panel("m_o", of("m_o"), log=True, title=str(k)) for k in range(4)))
    path = write_png(panels, [made_up()], tmp_path / "new")
    assert path == tmp_path / "new" / "few.png"
    assert path.read_bytes().startswith(b"\x89PNG")
