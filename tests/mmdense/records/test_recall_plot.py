"""The plot of recall, and the tool that makes it of files."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdense.records.plots import COLOURS
from mmdense.records.recall_plot import plot_recall

TOOL = Path(__file__).resolve().parents[3] / "tools" / "plot_proposals.py"


def curve(recall):
    return {
        "over_iou": {"iou": [0.5, 0.75, 0.95], "recall": {"all": {"100": [recall, 0.3, 0.1]}}},
        "over_proposals": {"proposals": [1, 10, 100], "average_recall": {"all": [0.1, 0.2, 0.5]}},
    }


def drawn_in(path, colour):
    wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return np.abs(pixels - wanted).sum(-1) < 10


def test_each_curve_has_its_colour_in_both_panels(tmp_path):
    path = plot_recall({"a": curve(0.9), "b": curve(0.4)}, tmp_path / "made" / "a.png", budget=100)
    left, right = (half.sum() for half in np.array_split(drawn_in(path, COLOURS[1]), 2, axis=1))
    assert left > 100
    assert right > 100
    first = drawn_in(path, COLOURS[0])  # where it is higher, and not under the second
    assert first[:, : first.shape[1] // 2].any()
    assert not drawn_in(path, COLOURS[2]).any()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"budget": 7}, r"a: no curve at 7 proposals; there are \['100'\]"),
        ({"budget": 100, "size": "small"}, "a: no objects of size 'small'; there are all"),
    ],
)
def test_what_cannot_be_drawn_is_told(options, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        plot_recall({"a": curve(0.9)}, tmp_path / "a.png", **options)
    assert not list(tmp_path.iterdir())


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [str(TOOL), *map(str, arguments)])
    return runpy.run_path(str(TOOL))["main"]()


def write(path, content):
    path.write_text(json.dumps(content))
    return path


def test_a_dumped_file_becomes_a_picture(tmp_path, monkeypatch, capsys):
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
    said = capsys.readouterr().out
    assert "found: AR1 0.000, AR100 0.500" in said
    assert said.splitlines()[0].endswith("; 1 of 2 images have no proposals")
    assert drawn_in(out, COLOURS[0]).any()
    write(results, [dict(entry, image_id=9, bbox=box, score=0.5)])
    assert run(monkeypatch, results, "--annotations", truth, "--out", out) == 1
    assert "found.json: image 9 is not in the annotations" in capsys.readouterr().err
    many = [tmp_path / f"{number}.json" for number in range(len(COLOURS) + 1)]
    assert run(monkeypatch, *many, "--annotations", truth, "--out", out) == 1
    assert "at most 8 results" in capsys.readouterr().err
