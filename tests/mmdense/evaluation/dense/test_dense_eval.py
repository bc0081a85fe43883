"""The tool dense_eval.py, from a config and a data set to dense.csv and record.json."""

import csv
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmdense.evaluation.dense.patches import frozen_backbone
from mmdense.evaluation.dense.protocols import PROTOCOLS, with_settings
from mmdense.records.record import load

TOOL = str(Path(__file__).parents[4] / "tools" / "dense_eval.py")
CONFIG = """
default_scope = "mmpretrain"
data_preprocessor = dict(mean=[127.5] * 3, std=[127.5] * 3, to_rgb=True)
model = dict(
    type="ImageClassifier",
    backbone=dict(
        type="VisionTransformer",
        arch=dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32),
        img_size=32,
        patch_size=8,
    ),
    head=dict(type="a head that is never built"),
)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Six training and three validation images of two colours, a config and a checkpoint."""
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 3)):
        for kind in ("images", "annotations"):
            (tmp_path / "toy" / kind / split).mkdir(parents=True)
        for i in range(count):
            labels = noise.integers(0, 2, (4, 4), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
            pixels = noise.integers(0, 40, (32, 32, 3), dtype=np.uint8) + 200 * labels[..., None]
            Image.fromarray(pixels).save(tmp_path / "toy" / "images" / split / f"{i}.png")
            Image.fromarray(labels).save(tmp_path / "toy" / "annotations" / split / f"{i}.png")
    config = tmp_path / "tiny.py"
    config.write_text(CONFIG)
    torch.manual_seed(3)
    frozen, _ = frozen_backbone(Config.fromfile(config), None)
    weights = {f"backbone.{key}": value for key, value in frozen.module.state_dict().items()}
    torch.save({"state_dict": weights}, tmp_path / "tiny.pth")
    return tmp_path


def run(monkeypatch, *words):
    """Run the tool; return its exit status."""
    monkeypatch.setattr(sys, "argv", [TOOL, "tiny.py", *words])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(TOOL, run_name="__main__")
    return stop.value.code


CHOSEN = ("context_knn", "position")
SMALL = ("context_knn.memory=64", "context_knn.k=5", "patch_knn.ks=1", "overclustering.clusters=9")


def test_scores_are_recorded_with_their_settings(folder, monkeypatch, capsys):
    words = ("--data", "toy", "--size", "32", "--work-dir", "out", "--settings", *SMALL)
    assert not run(monkeypatch, "tiny.pth", *words)
    record = load("out/record.json")
    needing_maps = {name for name, one in PROTOCOLS.items() if one.needs.value == "label maps"}
    assert needing_maps < set(record.protocols)
    assert record.protocols["context_knn"] == (
        "context_knn(memory=64,k=5,temperature=0.02,size=32,seed=0)"
    )
    assert record.metrics["dense/context_knn/mIoU"] > 60  # two colours
    assert set(record.data) == {"train", "test"}
    assert record.data["train"] != record.data["test"]
    rows = list(csv.DictReader(Path("out/dense.csv").read_text().splitlines()))
    scores = {f"dense/{row['protocol']}/{row['metric']}": float(row["value"]) for row in rows}
    assert scores == pytest.approx(record.metrics, rel=1e-5)
    assert {row["identifier"] for row in rows} == set(record.protocols.values())
    captions = json.loads(Path("out/pictures/captions.json").read_text())
    assert len(captions) == 5
    assert {path.name for path in Path("out/pictures").glob("*.png")} == set(captions)
    shown = capsys.readouterr().out
    assert "No object_discovery, object_discovery_centred: toy has no boxes." in " ".join(
        shown.split()
    )
    words = ("--data", "toy", "--size", "32", "--work-dir", "random", "--protocols", *CHOSEN)
    assert not run(monkeypatch, "none", *words, "--settings", *SMALL[:2])
    random = load("random/record.json")
    assert random.notes[0] == "random weights"
    assert random.protocols["context_knn"] == record.protocols["context_knn"]
    assert random.metrics["dense/position/r2_row"] != record.metrics["dense/position/r2_row"]


def test_a_folder_of_images_needs_no_labels(folder, monkeypatch):
    words = ("--data", "toy/images", "--size", "32", "--work-dir", "out")
    assert not run(monkeypatch, "tiny.pth", *words)
    without_labels = {name for name, one in PROTOCOLS.items() if one.needs.value == "nothing"}
    assert set(load("out/record.json").protocols) == without_labels


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--data", "nothing"), "nothing"),
        (("--data", "toy", "--protocols", "contxt_knn"), "did you mean context_knn?"),
        (("--data", "toy/images", "--protocols", "context_knn"), "images has no label maps"),
        (("--data", "toy", "--settings", "context_knn.K=2"), "no setting of context_knn 'K'"),
        (("--data", "toy", "--settings", "context_knn.k=few"), "context_knn.k: expected a value"),
        (("--data", "toy", "--protocols", "clustering", "--size", "44"), "44"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    folder, monkeypatch, capsys, words, expected
):
    status = run(monkeypatch, "tiny.pth", "--work-dir", "out", *words)
    assert status, "no error"
    assert expected in f"{status} {capsys.readouterr().err}"
    assert not Path("out").exists()


def test_settings_keep_their_types():
    found = with_settings(
        ["context_knn", "patch_knn"],
        {"context_knn.temperature": 1, "patch_knn.ks": [3, 5], "patch_knn.standardised": False},
    )
    assert isinstance(found["context_knn"].settings.temperature, float)
    assert found["patch_knn"].settings.ks == (3, 5)
    assert PROTOCOLS["patch_knn"].settings.standardised
