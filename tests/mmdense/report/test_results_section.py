"""The tables of the report: pipelines, studies and runs."""

import json
import re

import pytest

from mmdense.report.results_section import results_section
from mmdense.report.subjects import read_subjects
from tests.mmdense.report.made_up_records import pipeline, run, study


def cells(html):
    return re.findall(r"<t[dh][^>]*>(?:<strong>|<code>)?([^<]*)", html.split("<tbody>")[1])


def test_a_pipeline_has_the_values_of_its_readme_table(tmp_path):
    html = results_section(read_subjects([pipeline(tmp_path)])).html
    assert cells(html)[:8] == [
        *("mIoU | all", "9.5", "10.5", "-1.0"),
        *("mIoU, alone", "9.5", "–", "–"),
    ]
    assert "Pretrained on: Collage (synthetic), 1,500 images" in html
    assert "its scores are synthetic" in html
    assert "All scores of whole" in html


def test_what_differs_between_pipelines_stays_a_column(tmp_path):
    other = pipeline(tmp_path / "b", "other")
    html = results_section(read_subjects([pipeline(tmp_path / "a"), other])).html
    assert cells(html)[:2] == ["whole", "mIoU | all"]
    assert "Pipeline:" not in html


def test_a_study_names_its_seeds_and_its_baseline(tmp_path):
    subjects = read_subjects([study(tmp_path / "a")])
    html = results_section(subjects).html
    assert "over seeds 0, 1, 2" in html
    assert "t-test" not in html
    assert "p 0.0028" in results_section(subjects, "plain").html
    html = results_section(read_subjects([study(tmp_path / "b", baseline="wide")])).html
    assert "against Wide" in html
    assert "*" not in html


def test_each_baseline_of_a_study_is_named(tmp_path):
    variants = [
        {"name": "plain", "label": "Plain"},
        {"name": "wide", "label": "Wide", "against": "plain"},
        {"name": "odd", "label": "Odd"},
    ]
    scores = {"plain": [30.0, 31.0, 32.0], "wide": [33.0, 34.5, 35.0], "odd": [29.0, 30.0, 32.0]}
    html = results_section(read_subjects([study(tmp_path, scores, variants=variants)])).html
    assert "Wide against Plain." in html


def test_tables_and_phases_of_a_study(tmp_path):
    path = study(tmp_path, tables={"turned": ["wide", "plain"]})
    content = json.loads((path / "record.json").read_text())
    content["metrics"] |= {"wide/phase/centre/m_o/mean": 0.5, "wide/phase/centre/m_o/sd": 0.125}
    (path / "record.json").write_text(json.dumps(content))
    html = results_section(read_subjects([path])).html
    whole, turned, phases = html.split("<tbody>")[1:4]
    assert whole.index("Plain") < whole.index("Wide")
    assert "several, turned: mean" in whole  # the caption of the next
    assert turned.index("Wide") < turned.index("Plain")
    assert 'data-value="0.5">0.500 <span class="spread">± 0.125<' in phases


def test_an_unknown_baseline_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no variant 'x' to compare with: there are plain, wide"):
        results_section(read_subjects([study(tmp_path / "a")]), "x")
    with pytest.raises(ValueError, match="there is no study"):
        results_section(read_subjects([run(tmp_path / "b")]), "x")


def test_readings_of_the_monitor_are_below_the_scores(tmp_path):
    path = run(tmp_path, metrics={"collapse/m_o": 0.5, "collapse/r_e": 0.25, "mIoU": 30.0})
    html = results_section(read_subjects([path])).html
    words = ("mean IoU of the classes, %", "m_o, length", "r_e, residual of the extra gradient")
    places = [html.index(part) for part in words]
    assert places == sorted(places)


def test_runs_are_side_by_side(tmp_path):
    one, other = run(tmp_path / "a", "one"), run(tmp_path / "b", "other", metrics={"AP": 0.5})
    html = results_section(read_subjects([one, other])).html
    words = "mean IoU of the classes, %"
    assert cells(html) == [words, "31.25", "–", "AP", "–", "0.5"]
    assert ">mIoU<" in html  # what the record calls it, below
    none = results_section(read_subjects([run(tmp_path / "c", metrics={})]))
    assert none.html == ""
