"""Rows of a study against numbers worked out by hand."""

import json
import math

import pytest

from mmdense.report.sources import read_subjects
from mmdense.report.study_rows import higher_is_better, study_rows
from tests.mmdense.report.made_up_records import study


@pytest.mark.parametrize(
    ("metric", "way"),
    [
        ("coco/bbox_mAP_50", True),
        ("proposals/AR100", True),
        ("mIoU", True),
        ("knn/k20_top1", True),
        ("train/loss", False),
        ("collapse/std", None),
        ("collapse/uniformity", None),
    ],
)
def test_which_way_is_up(metric, way):
    assert higher_is_better(metric) is way


def rows_of(path, group=None, baseline=None):
    (subject,) = read_subjects([path])
    return study_rows(subject, group, baseline)[1]


def test_mean_spread_best_and_p(tmp_path):
    path = study(tmp_path)
    plain, wide = rows_of(path, baseline="plain")
    assert plain[0].text == "Plain"
    assert plain[1][:3] == ("31.0 ± 1.0", 31.0, False)  # of 30, 31 and 32
    assert wide[1].best
    # Differences 3, 3.5 and 3: mean 19/6, deviation 1/sqrt(12), t = 19/6 * 6 = 19 of two degrees
    # of freedom, whose two-sided p is 1 - t/sqrt(t² + 2) = 0.00276.
    assert wide[1].note == "p 0.0028"
    assert plain[1].note == ""
    assert rows_of(path)[1][1].note == ""


def test_equal_as_shown_are_both_the_best(tmp_path):
    scores = {"a": [30.0, 31.0, 32.0], "b": [30.01, 31.0, 32.0], "c": [1.0, 2.0, 3.0]}
    assert [row[1].best for row in rows_of(study(tmp_path, scores))] == [True, True, False]


def test_a_variant_is_compared_with_its_own_baseline(tmp_path):
    variants = [
        {"name": "plain", "label": "Plain"},
        {"name": "wide", "label": "Wide", "against": "plain"},
        {"name": "odd", "label": "Odd"},
    ]
    scores = {"plain": [30.0, 31.0, 32.0], "wide": [33.0, 34.5, 35.0], "odd": [29.0, 30.0, 32.0]}
    path = study(tmp_path, scores, variants=variants)
    # Wide less plain: 3, 3.5, 3; the table says how much, and 4.3 standard errors to either side.
    said = "+3.2 (+2.4 to +3.9), p 0.0028"
    assert [row[1].note for row in rows_of(path)] == ["", said, ""]
    # Odd less plain: -1, -1, 0; mean -2/3, deviation 1/sqrt(3), t = -2, p = 1 - 2/sqrt(6) = 0.18.
    assert [row[1].note for row in rows_of(path, baseline="plain")] == ["", said, "p 0.18"]


def test_a_metric_that_only_some_have(tmp_path):
    metrics = [
        {"metric": "mIoU", "label": "mIoU", "scale": 1},
        {"metric": "ap", "label": "AP", "scale": 1, "optional": True},
        {"metric": "ar", "label": "AR", "scale": 1, "optional": True},
    ]
    path = study(tmp_path, metrics=metrics)
    content = json.loads((path / "record.json").read_text())
    content["metrics"]["wide/ap/mean"] = 12.0
    (path / "record.json").write_text(json.dumps(content))
    (subject,) = read_subjects([path])
    header, rows = study_rows(subject, None, None)
    assert header == ["Variant", "mIoU", "AP"]
    assert [row[2].text for row in rows] == ["–", "12.0"]
    assert math.isnan(rows[0][2].value)  # which comes last


def test_it_says_what_the_table_in_markdown_says(tmp_path):
    variants = [
        {"name": "plain", "label": "**Plain** | `a`", "paper": "lives", "group": "x"},
        {"name": "wide", "label": "Wide", "group": "y"},
    ]
    words = {"healthy": "no", "complete collapse": "complete"}
    metrics = [
        {"metric": "bad", "label": "Collapsed", "scale": 1, "count": True, "words": words},
        {"metric": "mIoU", "label": "mIoU, share", "scale": 0.01, "digits": 3},
    ]
    path = study(tmp_path, variants=variants, metrics=metrics, tables={"both": ["wide", "plain"]})
    content = json.loads((path / "record.json").read_text())
    content["notes"] = ["stage plain/seed0: healthy. a", "stage plain/seed1: healthy. b"]
    (path / "record.json").write_text(json.dumps(content))
    (subject,) = read_subjects([path])
    header, rows = study_rows(subject, "both", None)
    assert header == ["Variant", "Paper", "Collapsed", "mIoU, share"]
    assert [[cell.text for cell in row] for row in rows] == [
        ["Wide", "–", "–", "0.342 ± 0.010"],
        ["Plain | a", "lives", "2 no", "0.310 ± 0.010"],
    ]
    assert [row[2].value for row in rows] == [None, None]  # words


def test_groups_counts_and_what_a_variant_lacks(tmp_path):
    variants = [
        {"name": "plain", "label": "Plain", "group": "x"},
        {"name": "wide", "label": "Wide", "group": "y"},
        {"name": "new", "label": "New", "group": "y"},
        {"name": "none", "label": "None"},
    ]
    metrics = [{"metric": "mIoU", "label": "Collapsed", "scale": 1, "count": True}]
    scores = {"plain": [1, 0, 1], "wide": [0, 0, 0], "none": [1, 1, 1]}
    path = study(tmp_path, scores, variants=variants, metrics=metrics)
    assert [c.text for c in rows_of(path, "x")[0]] == ["Plain", "2 of 3"]
    assert [row[1].text for row in rows_of(path, "y", "plain")] == ["0 of 3", "–"]
    assert [row[1].note for row in rows_of(path, "y", "plain")] == ["", ""]
    assert [row[0].text for row in rows_of(path)] == ["None"]
