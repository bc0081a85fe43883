"""The tool that draws what a model sees, as a person starts it."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from PIL import Image

import mmdense  # noqa: F401

TOOL = str(Path(__file__).resolve().parents[1] / "tools" / "draw_features.py")
CONFIG = """
default_scope = "mmpretrain"
custom_imports = dict(imports=["mmdense", "mmpretrain.models"])
model = dict(
    type="SimSiam",
    backbone=dict(type="ResNet", depth=18, stem_channels=4, base_channels=4),
    neck=dict(
        type="NonLinearNeck", in_channels=32, hid_channels=8, out_channels=8,
        norm_cfg=dict(type="SyncBN")),
    head=dict(
        type="LatentPredictHead", loss=dict(type="CosineSimilarityLoss"),
        predictor=dict(
            type="NonLinearNeck", in_channels=8, hid_channels=4, out_channels=8,
            with_avg_pool=False, with_last_bn=False, norm_cfg=dict(type="SyncBN"))))
data_preprocessor = dict(
    type="mmdense.MultiViewPreprocessor", views=[dict(num=2, size=16)],
    mean=[100] * 3, std=[50] * 3, to_rgb=True)
train_dataloader = dict(
    batch_size=4, num_workers=1, persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True), collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="CustomDataset", data_root="{root}", with_label=False,
        pipeline=[dict(type="LoadImageFromFile"), dict(type="PackInputs")]))
"""


def start(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["draw_features.py", *map(str, arguments)])
    return runpy.run_path(TOOL)["main"]()


@pytest.fixture
def run(tmp_path):
    """The folder of a pretraining on unlabelled images, as it is after one epoch."""
    (tmp_path / "images").mkdir()
    for number in range(5):
        pixels = np.full((32, 48, 3), 40 * number, np.uint8)
        pixels[4:20, 3 : 9 * number + 5, number % 3] = 220
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number}.png")
    folder = tmp_path / "run"
    folder.mkdir()
    config = CONFIG.replace("{root}", str(tmp_path / "images"))
    (folder / "tiny.py").write_text(config)
    cfg = Config.fromfile(folder / "tiny.py")
    init_default_scope("mmpretrain")
    model = MODELS.build({**cfg.model, "data_preprocessor": cfg.data_preprocessor})
    torch.save({"state_dict": model.state_dict(), "meta": {}}, folder / "epoch_1.pth")
    (folder / "last_checkpoint").write_text("/moved/epoch_1.pth")
    return folder


def test_the_folder_of_a_run(run, monkeypatch, capsys):
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    assert start(monkeypatch, run) == 0
    printed = capsys.readouterr().out
    assert f"{run}/pictures/patch_pca.png: " in printed
    assert "no attention.png: ResNet has no attention blocks" in printed
    assert "no proposals.png: SimSiam" in printed
    captions = json.loads((run / "pictures" / "captions.json").read_text())
    assert set(captions) == {"patch_pca.png", "neighbours.png"}
    assert "all 5 images of the training set" in captions["neighbours.png"]["caption"]
    after = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    assert after == before


def test_another_config_checkpoint_and_folder(run, tmp_path, monkeypatch, capsys):
    bare = tmp_path / "bare"
    bare.mkdir()
    config, checkpoint = run / "tiny.py", run / "epoch_1.pth"
    assert start(monkeypatch, bare) == 1
    assert f"{bare} has no config: looked for" in capsys.readouterr().err
    assert start(monkeypatch, bare, "--config", config) == 1
    assert f"{bare} has no checkpoint: " in capsys.readouterr().err
    arguments = ("--config", config, "--checkpoint", checkpoint, "-o", tmp_path / "out")
    assert start(monkeypatch, bare, *arguments) == 0
    assert (tmp_path / "out" / "neighbours.png").is_file()
    assert list(bare.iterdir()) == []


def test_what_cannot_be_drawn_is_said(run, tmp_path, monkeypatch, capsys):
    assert start(monkeypatch, tmp_path / "absent") == 1
    assert "no such folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        start(monkeypatch, run, "--config", "absent.py")
    assert "there is no config file absent.py" in capsys.readouterr().err
    root = f"train_dataloader.dataset.data_root={tmp_path}/nowhere"
    assert start(monkeypatch, run, "--cfg-options", root) == 1
    assert f"{tmp_path}/nowhere" in capsys.readouterr().err
    torch.save({"state_dict": {}, "run": Path}, run / "epoch_1.pth")
    assert start(monkeypatch, run) == 1
    assert "--trust-checkpoint" in capsys.readouterr().err
