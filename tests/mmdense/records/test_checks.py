"""Comparison of scores with those that a config expects."""

import math

import pytest

from mmdense.records.checks import Check, Outcome, check_scores

ENTRY = {"record": "pipelines/x", "metric": "detect/coco/AP", "value": 0.48, "tolerance": 0.02}


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        *((0.47, Outcome.WITHIN), (0.50, Outcome.WITHIN), (0.45, Outcome.OUTSIDE)),
        *((math.nan, Outcome.OUTSIDE), (None, Outcome.OUTSIDE)),
    ],
)
def test_scores_and_their_verdicts(value, verdict):
    for name in ("detect/coco/AP", "coco/AP"):
        (check,) = check_scores([ENTRY], {name: value, "coco/AP_50": 1.0})
        assert (check.metric, check.expected, check.tolerance) == (name, 0.48, 0.02)
        assert (check.source, check.verdict) == ("pipelines/x", verdict)
    of_study = {**ENTRY, "metric": "rpn/coco/AP/mean"}
    for name in ("rpn/coco/AP/mean", "coco/AP"):
        assert len(check_scores([of_study], {name: value, "rpn/coco/AP/sd": 0.1})) == 1
    assert check_scores([ENTRY], {"mIoU": 1.0}) == []


@pytest.mark.parametrize("entry", [{"metric": "AP", "record": "a/b", "tolerance": 1.0}, "AP"])
def test_an_incomplete_entry(entry):
    (check,) = check_scores([entry], {"AP": 1.0})
    assert check.verdict is Outcome.INCOMPLETE
    assert "needs metric, value and tolerance" in str(check)


def test_text_and_round_trip():
    entry = {"paper": "table 3", "metric": "AR", "value": 61.1, "tolerance": 1.0}
    (check,) = check_scores([entry], {"AR": 61.0})
    assert str(check) == "AR is 61, expected 61.1 ± 1 (table 3): within tolerance"
    (check,) = check_scores([entry], {"AR": 58.1})
    assert str(check).endswith("outside, by -3")
    assert Check.from_dict({**vars(check), "verdict": "outside"}) == check
