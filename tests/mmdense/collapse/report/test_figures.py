"""Every figure, from a whole run, one with gaps, one of a single point."""

from dataclasses import replace

import pytest

from mmdense.collapse.report.figures import charts_of
from mmdense.collapse.report.verdict_card import verdict_card
from mmdense.report.panels import panel_svgs
from tests.mmdense.collapse.report.made_up_runs import made_up, names_of_charts

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
    svgs = panel_svgs(chart, runs)
    assert len(svgs) == len(chart.panels)
    for svg in svgs:
        assert "var(--run-0)" in svg  # something was drawn in the colour of either run
        assert "var(--run-1)" in svg


def test_centre_and_residual_tell_the_phases_of_a_run():
    run = replace(made_up("a"), phases=[(0, "simsiam"), (5, "naive")])
    for chart in charts_of([run]):
        told = [">naive<" in svg for svg in panel_svgs(chart, [run])]
        assert told == [chart.name == "centre"] * len(chart.panels)
    assert "simsiam 0, naive 5" in verdict_card(run)
    many = replace(run, phases=[(step, "ab"[step % 2]) for step in range(10)])
    assert "b 7, and 2 more" in verdict_card(many)


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
