"""Rows of a study against numbers worked out by hand."""

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


def test_mean_spread_best_and_p(tmp_path):
    (subject,) = read_subjects([study(tmp_path)])
    plain, wide = study_rows(subject, None, "plain")
    assert plain[0].text == "Plain"
    assert plain[1].text == "31.0 ± 1.0"  # of 30, 31 and 32
    assert (plain[1].best, wide[1].best) == (False, True)
    # Differences 3, 3.5 and 3: mean 19/6, deviation 1/sqrt(12), t = 19/6 * 6 = 19 of two degrees
    # of freedom, whose two-sided p is 1 - t/sqrt(t² + 2) = 0.00276.
    assert wide[1].note == "p 0.0028"
    assert plain[1].note == ""
    assert study_rows(subject, None, None)[1][1].note == ""


def test_equal_as_shown_are_both_the_best(tmp_path):
    scores = {"a": [30.0, 31.0, 32.0], "b": [30.01, 31.0, 32.0], "c": [1.0, 2.0, 3.0]}
    (subject,) = read_subjects([study(tmp_path, scores)])
    assert [row[1].best for row in study_rows(subject, None, None)] == [True, True, False]


def test_groups_counts_and_what_a_variant_lacks(tmp_path):
    variants = [
        {"name": "plain", "label": "Plain", "group": "x"},
        {"name": "wide", "label": "Wide", "group": "y"},
        {"name": "new", "label": "New", "group": "y"},
    ]
    metrics = [{"metric": "mIoU", "label": "Collapsed", "scale": 1, "count": True}]
    path = study(
        tmp_path, {"plain": [1, 0, 1], "wide": [0, 0, 0]}, variants=variants, metrics=metrics
    )
    (subject,) = read_subjects([path])
    assert [[c.text for c in row] for row in study_rows(subject, "x", None)] == [
        ["Plain", "2 of 3"]
    ]
    assert [row[1].text for row in study_rows(subject, "y", None)] == ["0 of 3", "–"]
