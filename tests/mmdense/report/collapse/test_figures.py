"""Every figure and its reference lines; the sweep over eta equals the cosine of the vectors."""

import math
from dataclasses import replace

import pytest
import torch
from matplotlib.figure import Figure

from mmdense.collapse.readings import centre_share
from mmdense.records.plots import COLOURS
from mmdense.report.charts import draw_panel
from mmdense.report.collapse.figures import charts_of
from mmdense.report.collapse.phase_and_spectra import cosine_without_centre
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


def test_panels_without_readings_are_left_out():
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


def test_no_readings_yet():
    run = made_up()
    run.curves.clear()
    assert names_of_charts([run]) == ["spectra"]
    run.spectra.clear()
    assert charts_of([run]) == []


def lines_of(run):
    """``{chart/label of a panel/name of a line: its place}`` for every panel of a run."""
    return {
        f"{chart.name}/{panel.title or panel.label}/{line.text}": line.value(run)
        for chart in charts_of([run])
        for panel in chart.panels
        for line in panel.lines
        if line.text
    }


def test_hand_computed_lines():
    # 64 images, 128 vectors of 32 channels, 50 fixed images
    lines = lines_of(made_up())
    assert lines["centre/m_o, length of the centre/floor 1/√M"] == pytest.approx(0.0883883)
    assert lines["centre/m_o, length of the centre/limit of a complete collapse"] == 0.95
    assert lines["deviation/std of a channel/ceiling 1/√D"] == pytest.approx(0.1767767)
    assert lines["covariance/off-diagonal covariance/floor 1/(B D)"] == pytest.approx(1 / 2048)
    assert lines["covariance/off-diagonal covariance/ceiling 1/D"] == pytest.approx(1 / 32)
    assert lines["batch_ranks/rank (eigenvalues)/ceiling"] == 32  # min(64 - 1, 32)
    assert lines["batch_ranks/rank (eigenvalues)/limit"] == 2.0  # max(0.02 * 32, 2)
    assert lines["ranks/Backbone/ceiling"] == 32  # min(50 - 1, 32)
    assert lines["spectrum_shape/Projector/flat"] == pytest.approx((1 + 1 / 32) / 2)
    assert lines["alignment/uniformity/full sphere"] == -4.0


def test_few_images_lower_the_ceiling():
    run = made_up(spaces={"projector": {"images": 20, "channels": 32}}, batch=10)
    (chart,) = [chart for chart in charts_of([run]) if chart.name == "ranks"]
    ceilings = {panel.label: panel.lines[0].value(run) for panel in chart.panels[1::2]}
    assert (ceilings["RankMe"], ceilings["RankMe, centred"]) == (20, 19)
    assert lines_of(run)["batch_ranks/rank (eigenvalues)/ceiling"] == 9


def test_lines_without_facts_are_left_out():
    run = made_up()
    run.facts.clear()
    known = {name for name, value in lines_of(run).items() if value is not None}
    assert {name.rpartition("/")[2] for name in known} == {
        *("one direction", "unrelated views", "one point", "full sphere")
    }


@pytest.mark.parametrize("seed", range(3))
def test_the_sweep_equals_the_cosine_of_the_vectors(seed):
    generator = torch.Generator().manual_seed(seed)
    o_z, o_p = torch.randn(2, 7, generator=generator, dtype=torch.float64) + 0.5
    etas = [-1.0, -0.44, 0.0, 0.3, 1.0]
    shares = centre_share(o_z - o_p, o_p), centre_share(o_p - o_z, o_z)
    found = cosine_without_centre(*map(float, shares), etas)
    for eta, cosine in zip(etas, found):
        expected = torch.cosine_similarity(o_z - o_p - eta * o_p, o_p, dim=0)
        assert cosine == pytest.approx(float(expected), abs=1e-9)


def test_the_sweep_crosses_zero_at_eta_p():
    # o_p = (1, 0), o_z = (0.6, 0.3): eta_p = -0.4; o_e - eta_p o_p = (0, 0.3), at a right angle.
    # eta_z = (0.4 * 0.6 - 0.3 * 0.3) / 0.45 = 1/3.
    assert cosine_without_centre(-0.4, 1 / 3, [-0.4])[0] == pytest.approx(0.0, abs=1e-12)
    # At 0: o_e = (-0.4, 0.3) of length 0.5, so the cosine is -0.8.
    assert cosine_without_centre(-0.4, 1 / 3, [0.0])[0] == pytest.approx(-0.8)


def test_without_numbers_there_is_no_curve():
    assert all(math.isnan(c) for c in cosine_without_centre(math.nan, 0.1, [0.0, 1.0]))
    assert all(math.isnan(c) for c in cosine_without_centre(-0.1, -1.0, [0.0, 1.0]))
    assert math.isnan(cosine_without_centre(0.0, 0.0, [0.0])[0])  # equal centres: nothing is left
