"""Which curves are drawn, and the mean over seeds."""

import json
import math

import pytest
from matplotlib.figure import Figure

from mmdense.records.plots import COLOURS
from mmdense.report.curves_section import _draw, curves_section, drawn_lines
from mmdense.report.subjects import Part, read_subjects
from tests.mmdense.report.made_up_records import curve, pipeline, run, study
from tests.mmdense.report.page_reader import Page

pytestmark = pytest.mark.usefixtures("undrawn")


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
    assert lines[0].ranges["x"][0] == (1, 1.0, 3.0)
    assert lines[0].curve("own") == []
    assert lines[1].curve("x") == [(1, 5.0)]
    assert lines[1].ranges == {}


def test_long_curves_of_seeds_span_the_means_of_their_windows():
    seeds = [part(f"a/seed{k}", "a", {"x": [[s, s + k] for s in range(1, 81)]}) for k in (0, 4)]
    (line,) = drawn_lines(seeds)
    # 80 values in windows of two: the first is of steps 1 and 2, with 1.5 and 5.5.
    assert line.curve("x")[0] == (2, 3.5)
    assert line.ranges["x"][0] == (2, 1.5, 5.5)
    assert len(line.curve("x")) == len(line.ranges["x"]) == 40


def test_a_chart_for_each_task_with_loss_first(tmp_path):
    html = curves_section(read_subjects([pipeline(tmp_path)])).html
    assert html.index("<h3>Pretrain</h3>") < html.index("<h3>Segmentation</h3>")
    after = html[html.index("<h3>Segmentation</h3>") :]
    loss, score = (image["alt"] for image in Page(html).images[-2:])
    assert loss.startswith("training loss (train/loss)")
    assert score.startswith("mean IoU of the classes, %")
    assert 'title="train/loss"' in after
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


def test_seeds_are_drawn_as_a_band_and_a_long_curve_over_its_own_values():
    seeds = [part(f"a/seed{k}", "a", {"x": [[1, k], [2, k]]}) for k in (1.0, 3.0)]
    long = part("b", "b", {"x": curve(80)})
    axes = Figure().subplots()
    _draw(axes, drawn_lines([*seeds, long]), "x")
    (band,) = axes.collections
    assert band.get_datalim(axes.transData).intervaly.tolist() == [1.0, 3.0]
    assert sorted({len(line.get_xdata()) for line in axes.lines}) == [0, 2, 40, 80]


@pytest.mark.parametrize(("steps", "noted"), [(60, False), (61, True)])
def test_a_note_explains_averaged_curves(tmp_path, steps, noted):
    html = curves_section(read_subjects([run(tmp_path, curves={"train/loss": curve(steps)})])).html
    assert ("averaged" in html) is noted


def test_a_chart_for_each_table_of_a_study_with_its_variants_only(tmp_path):
    names = {"plain": "one", "wide": "some_more", "deep": "some_more"}
    made = study(
        tmp_path,
        scores={name: [1.0, 2.0, 3.0] for name in names},
        variants=[{"name": k, "label": k.title(), "group": group} for k, group in names.items()],
        tables={"both": ["plain", "deep"]},
    )
    html = curves_section(read_subjects([made])).html
    charts = html.split('<div class="chart">')[1:]
    titles = [chart[chart.index("<h3>") + 4 : chart.index("</h3>")] for chart in charts]
    assert titles == [f"Segmentation, {name}" for name in ("one", "some more", "both")]
    spoken = [chart.split("last values: ")[1].split('"')[0] for chart in charts]
    assert spoken == ["Plain 0.0252", "Wide 0.0252, Deep 0.0252", "Plain 0.0252, Deep 0.0252"]
    assert [chart.count("<li>") for chart in charts] == [0, 2, 2]
    assert "from the lowest to the highest seed" in html
    # A variant has one colour in all charts.
    used = [{n for n, colour in enumerate(COLOURS[:3]) if colour in chart} for chart in charts]
    assert used == [set(), {1, 2}, {0, 2}]


def test_a_study_draws_the_readings_of_collapse_that_its_config_names(tmp_path):
    metrics = [{"metric": "collapse/m_o", "label": "m_o", "scale": 1, "optional": True}]
    made = study(tmp_path, metrics=metrics)
    record = json.loads((made / "record.json").read_text())
    for entry in record["stages"]:
        entry["curves"] |= {"collapse/m_o": curve(9), "collapse/std": curve(9)}
    (made / "record.json").write_text(json.dumps(record))
    html = curves_section(read_subjects([made])).html
    assert 'title="collapse/m_o"' in html
    assert "collapse/std" not in html


def test_runs_beside_others_are_named(tmp_path):
    alone, whole = run(tmp_path / "a", "first"), pipeline(tmp_path / "b")
    assert "<h3>" not in curves_section(read_subjects([alone])).html
    html = curves_section(read_subjects([alone, whole])).html
    assert "<h3>first</h3>" in html
    assert html.split("<h3>Pretrain</h3>")[1].split("</li>")[0].endswith("whole: pretrain")
    html = curves_section(read_subjects([alone, run(tmp_path / "c", "second")])).html
    assert "<h3>Runs</h3>" in html and html.count("<li>") == 2
