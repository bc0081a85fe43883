"""Curves: exact while short, means of equal windows when long."""

import math
from dataclasses import asdict

import pytest

from mmdense.records.curve import Curve


def filled(values, limit=8):
    curve = Curve(limit=limit)
    for step, value in enumerate(values, start=1):
        curve.add(step, value)
    return curve


def test_hand_case_of_widening():
    # limit 4: the fourth value fills the curve, so pairs are joined:
    #   (1, 2) -> 1.5 at step 2;  (3, 4) -> 3.5 at step 4; width is 2 from now on.
    # 5 and 6 make 5.5 at step 6; 7 is alone in the open window.
    expected = [[2, 1.5], [4, 3.5], [6, 5.5], [7, 7.0]]
    assert filled([1.0, 2, 3, 4, 5, 6, 7], limit=4).as_list() == expected


@pytest.mark.parametrize("length", [1, 8, 9, 64, 1000])
@pytest.mark.parametrize("limit", [2, 3, 8, 501])
def test_every_point_is_the_mean_of_its_window(length, limit):
    values = [math.sin(i * 0.7) + i * 0.01 for i in range(length)]
    points = filled(values, limit).as_list()
    assert len(points) <= limit
    assert points[-1][0] == length
    start = 0
    for step, mean in points:
        assert mean == pytest.approx(sum(values[start:step]) / (step - start))
        start = step


def test_steps_need_not_be_consecutive():
    curve = Curve()
    curve.add(10, 0.5)
    curve.add(30, 0.7)
    assert curve.as_list() == [[10, 0.5], [30, 0.7]]


def test_a_nan_is_not_hidden_by_widening():
    points = filled([1.0, math.nan, 1.0, 1.0, 1.0], limit=4).as_list()
    assert math.isnan(points[0][1])
    assert points[1:] == [[4, 1.0], [5, 1.0]]


@pytest.mark.parametrize("cut", [5, 8, 199])
def test_a_resumed_curve_equals_an_uninterrupted_one(cut):
    values = [float(i % 13) for i in range(200)]
    resumed = Curve(**asdict(filled(values[:cut])))
    for step, value in enumerate(values[cut:], start=cut + 1):
        resumed.add(step, value)
    assert resumed.as_list() == filled(values).as_list()
