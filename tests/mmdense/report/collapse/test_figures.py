"""Every figure, from a whole run, one with gaps, one of a single point."""

from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from mmdense.records.plots import COLOURS
from mmdense.report.charts import draw_panel
from mmdense.report.collapse.figures import charts_of
from tests.mmdense.report.collapse.made_up_runs import made_up, names_of_charts

NAMES = [
    *("centre", "phase", "deviation", "covariance", "batch_ranks", "eta", "extra_gradient"),
    *("ranks", "spectra", "spectrum_shape", "alignment", "length", "predictor_lr"),
]


def test_a_run_with_every_reading_has_every_figure():
    assert names_of_charts([made_up()]) == NAMES
    for chart in charts_of([made_up()]):
        assert chart.title
        assert chart.reading.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_drawn_with_gaps_and_of_one_point(name):
    runs = [made_up("gaps", gaps=(1, 5, 6, 12)), made_up("point", steps=1)]
    (chart,) = [chart for chart in charts_of(runs) if chart.name == name]
    for panel in chart.panels:
        axes = Figure().subplots()
        draw_panel(axes, panel, runs)
        assert {line.get_color() for line in axes.lines} >= set(COLOURS[:2])


def test_centre_and_residual_show_the_phases_of_a_run():
    run = replace(made_up("a"), phases=[(0, "simsiam"), (5, "naive")])
    for chart in charts_of([run]):
        axes = Figure().subplots()
        draw_panel(axes, chart.panels[0], [run])
        names = {text.get_text() for text in axes.texts}
        assert ({"simsiam", "naive"} <= names) is (chart.name == "centre")


def test_what_no_run_has_is_left_out():
    run = made_up()
    for key in list(run.curves):
        if key.startswith(("eta", "backbone")) or key in ("predictor_lr", "m_o_before_norm"):
            del run.curves[key]
    names = names_of_charts([run])
    assert "eta" not in names
    assert "predictor_lr" not in names
    panels = {chart.name: len(chart.panels) for chart in charts_of([run])}
    assert (panels["centre"], panels["ranks"]) == (2, 5)
    assert names_of_charts([run, made_up()]) == NAMES


def test_nothing_read_yet_is_no_figure():
    run = made_up()
    run.curves.clear()
    assert names_of_charts([run]) == ["spectra"]
    run.spectra.clear()
    assert charts_of([run]) == []
