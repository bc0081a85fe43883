"""Plots have their colours, panels and gaps."""

import json
import math
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdense.records.plots import COLOURS, plot_curves, plot_recall, plot_scores


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def count(image, colour):
    """Number of pixels of nearly this colour."""
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
    runs["ssl"] = {}  # the other run keeps its colour
    image = pixels(plot_curves(runs, ["loss"], tmp_path / "loss.png"))
    assert count(image, COLOURS[0]) == 0 and count(image, COLOURS[1]) > 30


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


def test_a_curve_that_no_run_has(tmp_path):
    with pytest.raises(ValueError, match="no run has the curve 'ap'; there are loss"):
        plot_curves({"a": {"loss": SHORT, "ap": []}}, ["ap"], tmp_path / "x.png")
    assert list(tmp_path.iterdir()) == []


TOOL = Path(__file__).resolve().parents[3] / "tools" / "plot_proposals.py"


def curve(recall):
    return {
        "over_iou": {"iou": [0.5, 0.75, 0.95], "recall": {"all": {"100": [recall, 0.3, 0.1]}}},
        "over_proposals": {"proposals": [1, 10, 100], "average_recall": {"all": [0.1, 0.2, 0.5]}},
    }


def test_each_curve_has_its_colour_in_both_panels(tmp_path):
    path = plot_recall({"a": curve(0.9), "b": curve(0.4)}, tmp_path / "made" / "a.png", budget=100)
    left, right = np.array_split(pixels(path), 2, axis=1)
    assert count(left, COLOURS[0]) > 10  # where it is above the second one
    assert count(left, COLOURS[1]) > 100 and count(right, COLOURS[1]) > 100
    assert count(left, COLOURS[2]) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"budget": 7}, r"a: no curve at 7 proposals; there are \['100'\]"),
        ({"budget": 100, "size": "small"}, "a: no objects of size 'small'; there are all"),
    ],
)
def test_recall_without_objects_or_budget(options, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        plot_recall({"a": curve(0.9)}, tmp_path / "a.png", **options)
    assert not list(tmp_path.iterdir())


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [str(TOOL), *map(str, arguments)])
    return runpy.run_path(str(TOOL))["main"]()


def write(path, content):
    path.write_text(json.dumps(content))
    return path


def test_the_tool_plots_dumped_proposals(tmp_path, monkeypatch, capsys):
    box = [10, 10, 40, 40]
    objects = [
        dict(id=n, image_id=n, category_id=1, bbox=box, area=1600, iscrowd=0) for n in (1, 2)
    ]
    truth = write(
        tmp_path / "truth.json",
        dict(images=[dict(id=1), dict(id=2)], annotations=objects, categories=[dict(id=1)]),
    )
    # The object of image 1 is the second best proposal, that of image 2 has none.
    entry = dict(image_id=1, category_id=1)
    found = [dict(entry, bbox=box, score=0.5), dict(entry, bbox=[90, 90, 5, 5], score=0.9)]
    results = write(tmp_path / "found.json", found)
    out = tmp_path / "made" / "recall.png"
    assert run(monkeypatch, results, "--annotations", truth, "--out", out, "--budget", 1) == 0
    printed = capsys.readouterr().out
    assert "found: AR1 0.000, AR100 0.500" in printed
    assert printed.splitlines()[0].endswith("; 1 of 2 images have no proposals")
    assert count(pixels(out), COLOURS[0])
    write(results, [dict(entry, image_id=9, bbox=box, score=0.5)])
    assert run(monkeypatch, results, "--annotations", truth, "--out", out) == 1
    assert "found.json: image 9 is not in the annotations" in capsys.readouterr().err
    many = [tmp_path / f"{number}.json" for number in range(len(COLOURS) + 1)]
    assert run(monkeypatch, *many, "--annotations", truth, "--out", out) == 1
    assert "at most 8 results" in capsys.readouterr().err
