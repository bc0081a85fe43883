"""Lines of reference of a made-up run: 64 images, 128 vectors of 32 channels, 50 fixed images."""

import pytest

from mmdense.report.collapse.figures import charts_of
from tests.mmdense.report.collapse.made_up_runs import made_up


def lines_of(run):
    """``{chart/label of a panel/name of a line: its place}`` for every panel of a run."""
    return {
        f"{chart.name}/{panel.title or panel.label}/{line.text}": line.value(run)
        for chart in charts_of([run])
        for panel in chart.panels
        for line in panel.lines
        if line.text
    }


def test_by_hand():
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


def test_what_the_file_lacks_is_not_drawn():
    run = made_up()
    run.facts.clear()
    known = {name for name, value in lines_of(run).items() if value is not None}
    assert {name.rpartition("/")[2] for name in known} == {
        *("one direction", "unrelated views", "one point", "full sphere")
    }
