"""Which curves are drawn, and the mean over seeds."""

import math

import pytest

from mmdense.report.curves_section import curves_section, drawn_lines
from mmdense.report.sources import Part, read_subjects
from tests.mmdense.report.made_up_records import curve, pipeline, run


def part(name, line, curves):
    return Part(name, "", line, {"metrics": {}, "curves": curves}, None)


def test_the_mean_of_seeds_is_taken_where_all_have_a_step():
    lines = drawn_lines(
        [
            part("a/seed0", "a", {"x": [[1, 1.0], [2, 2.0], [3, 3.0]], "own": [[1, 1.0]]}),
            part("a/seed1", "a", {"x": [[1, 3.0], [3, None], [4, 9.0]]}),
            part("b/seed0", "b", {"x": [[1, 5.0]]}),
        ]
    )
    assert [line.name for line in lines] == ["a", "b"]
    assert lines[0].curve("x")[0] == (1, 2.0)
    assert [step for step, _ in lines[0].curve("x")] == [1, 3]
    assert math.isnan(lines[0].curve("x")[1][1])
    assert lines[0].curve("own") == []
    assert lines[1].curve("x") == [(1, 5.0)]


def test_a_chart_for_each_task_with_loss_first(tmp_path):
    html = curves_section(read_subjects([pipeline(tmp_path)])).html
    assert html.index("<h3>Pretrain</h3>") < html.index("<h3>Segmentation</h3>")
    after = html[html.index("<h3>Segmentation</h3>") :]
    assert after.index('aria-label="train/loss') < after.index('aria-label="val/mIoU')
    assert "last values: ssl 2, random 2" in after
    assert after.count("<li>") == 2  # the legend names both


def test_what_has_one_point_or_is_shown_elsewhere_is_left_out(tmp_path):
    curves = {
        "val/mIoU": [[1, 2.0]],
        "collapse/m_o": curve(9),
        "train/base_lr": curve(9),
        **{f"train/loss_{number}": curve(9) for number in range(5)},
    }
    html = curves_section(read_subjects([run(tmp_path, curves=curves)])).html
    assert "collapse" not in html and "base_lr" not in html and "mIoU" not in html
    assert "2 more curves" in html
    assert curves_section(read_subjects([run(tmp_path / "b", curves={})])).html == ""


@pytest.mark.parametrize(("steps", "said"), [(60, False), (61, True)])
def test_means_are_told_where_they_are_drawn(tmp_path, steps, said):
    html = curves_section(read_subjects([run(tmp_path, curves={"train/loss": curve(steps)})])).html
    assert ("drawn as means" in html) is said
