"""Pictures have the size, the lines and the colours that they promise; people look at the rest."""

import math

import numpy as np
import pytest
from PIL import Image

from mmdense.records.plots import COLOURS, plot_curves, plot_scores


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def count(image, colour):
    """Pixels of nearly this colour."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(image - wanted).max(axis=2) < 6).sum())


SHORT = [[i, 1 / i] for i in range(1, 10)]
LONG = [[i, math.sin(i / 50)] for i in range(1, 400)]


@pytest.mark.parametrize("curve", [SHORT, LONG, [[1, 2.0]]])
def test_each_run_has_its_colour(curve, tmp_path):
    runs = {"ssl": {"loss": curve}, "random": {"loss": [[s, v + 1] for s, v in curve]}}
    image = pixels(plot_curves(runs, ["loss"], tmp_path / "new" / "loss.png"))
    assert count(image, COLOURS[0]) > 30
    assert count(image, COLOURS[1]) > 30
    assert count(image, COLOURS[2]) == 0
    assert (image[:5, :5] == 255).all()


def test_a_run_without_the_curve_is_left_out_and_keeps_the_colours_of_others(tmp_path):
    runs = {"probe": {}, "detect": {"loss": SHORT}}
    image = pixels(plot_curves(runs, ["loss"], tmp_path / "loss.png"))
    assert count(image, COLOURS[0]) == 0
    assert count(image, COLOURS[1]) > 30


def test_a_panel_for_each_key(tmp_path):
    runs = {"ssl": {"loss": LONG, "ap": SHORT}}
    one = pixels(plot_curves(runs, ["loss"], tmp_path / "one.png"))
    two = pixels(
        plot_curves(runs, ["loss", "ap"], tmp_path / "two.png", labels={"ap": "AP (0 to 1)"})
    )
    assert two.shape == (one.shape[0], 2 * one.shape[1], 3)


def test_variants_of_two_studies_side_by_side(tmp_path):
    scores = {
        "box AP": {
            "old": {"Plain": [30.0, 31.0, 32.0], "Wide": [34.0]},
            "new": {"Wide": [33.0, 36.0, 34.0]},
        },
        "mIoU": {"new": {"Plain": [0.5, 0.75]}},
    }
    two = pixels(plot_scores(scores, tmp_path / "new" / "two.png"))
    assert count(two, COLOURS[0]) > 30 and count(two, COLOURS[1]) > 30
    one = pixels(plot_scores({"box AP": scores["box AP"]}, tmp_path / "one.png"))
    assert one.shape[0] == two.shape[0] and one.shape[1] < two.shape[1]
    # A lone seed has a mark and no spread, several have both: more of their colour.
    lone = pixels(plot_scores({"a": {"s": {"Plain": [1.0]}}}, tmp_path / "a.png"))
    spread = pixels(plot_scores({"a": {"s": {"Plain": [1.0, 2.0]}}}, tmp_path / "b.png"))
    assert count(spread, COLOURS[0]) > count(lone, COLOURS[0]) + 100
    with pytest.raises(ValueError, match="no scores to draw"):
        plot_scores({}, tmp_path / "c.png")


def test_values_that_are_not_finite_leave_a_gap(tmp_path):
    whole = [[i, 1.0] for i in range(1, 10)]
    gap = [[s, math.inf if s in (4, 5, 6) else v] for s, v in whole]
    images = [
        pixels(plot_curves({"a": {"x": curve}}, ["x"], tmp_path / f"{n}.png"))
        for n, curve in enumerate((whole, gap))
    ]
    assert count(images[1], COLOURS[0]) < 0.8 * count(images[0], COLOURS[0])


def test_a_curve_that_nobody_has(tmp_path):
    with pytest.raises(ValueError, match="no run has the curve 'ap'; there are loss"):
        plot_curves({"a": {"loss": SHORT, "ap": []}}, ["ap"], tmp_path / "x.png")
    assert list(tmp_path.iterdir()) == []
