"""All images of a run in one folder with captions, and the tool that draws them."""

import json
import runpy
import sys
from pathlib import Path

import mmpretrain.datasets  # noqa: F401
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from PIL import Image
from torch import nn

from mmdense.visual.draw_run import backbone_of, draw_run, find_checkpoint, find_config
from mmdense.visual.drawn import CAPTIONS

TOOL = Path(__file__).resolve().parents[3] / "tools" / "draw_features.py"

BACKBONES = {
    "ResNet": dict(type="ResNet", depth=18, stem_channels=4, base_channels=4),
    "VisionTransformer": dict(
        type="VisionTransformer",
        arch=dict(embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=8),
        img_size=16,
        patch_size=8,
    ),
}


def made(folder, backbone):
    """Config and checkpoint of an untrained classifier of two classes, with grey and colour."""
    images = folder / "images"
    for number in range(6):
        path = images / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True, parents=True)
        pixels = np.full((16, 16, 3), 30 * number, np.uint8)
        pixels[number : 2 * number + 3, 4:9, number % 3] = 220
        Image.fromarray(pixels if number else pixels[..., 0]).save(path)
    pipeline = [dict(type="LoadImageFromFile"), dict(type="PackInputs")]
    cfg = Config(
        dict(
            default_scope="mmpretrain",
            custom_imports=dict(imports=["mmdense", "mmpretrain.models"]),
            model=dict(type="ImageClassifier", backbone=BACKBONES[backbone]),
            data_preprocessor=dict(mean=[100.0] * 3, std=[50.0] * 3, to_rgb=True),
            val_dataloader=dict(
                dataset=dict(type="CustomDataset", data_root=str(images), pipeline=pipeline)
            ),
        )
    )
    init_default_scope("mmpretrain")
    torch.manual_seed(0)
    model = MODELS.build({**cfg.model, "data_preprocessor": cfg.data_preprocessor})
    torch.save({"state_dict": model.state_dict(), "meta": {}}, folder / "epoch_1.pth")
    return cfg, folder / "epoch_1.pth"


@pytest.mark.parametrize("backbone", list(BACKBONES))
def test_images_and_captions(backbone, tmp_path):
    cfg, checkpoint = made(tmp_path, backbone)
    done = draw_run(cfg, checkpoint, tmp_path / "out")
    named = {"patch_pca.png", "neighbours.png"}
    named |= {"attention.png"} if backbone == "VisionTransformer" else set()
    assert set(done.captions) == named
    assert set(done.left_out) == {"attention.png", "proposals.png"} - named
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*named, CAPTIONS}
    written = json.loads((tmp_path / "out" / CAPTIONS).read_text())
    assert written == done.captions
    for name, words in written.items():
        assert set(words) == {"title", "caption"}
        assert backbone in words["caption"]
        assert "all 6 images of the validation set" in words["caption"]
        assert Image.open(tmp_path / "out" / name).width <= 1600
    draw_run(cfg, checkpoint, tmp_path / "again")
    for name in (*named, CAPTIONS):
        first, second = (tmp_path / folder / name for folder in ("out", "again"))
        assert first.read_bytes() == second.read_bytes()


def test_a_model_that_diverged_is_named(tmp_path):
    cfg, checkpoint = made(tmp_path, "ResNet")
    content = torch.load(checkpoint)
    content["state_dict"]["backbone.conv1.weight"].fill_(float("nan"))
    torch.save(content, checkpoint)
    with pytest.raises(ValueError, match="NaN or infinity"):
        draw_run(cfg, checkpoint, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_config_of_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        find_config(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match=r"has no config: looked for .*\*\.py"):
        find_config(tmp_path)
    (tmp_path / "a.py").write_text("")
    assert find_config(tmp_path) == tmp_path / "a.py"
    (tmp_path / "b.py").write_text("")
    with pytest.raises(ValueError, match=r"2 configs, a\.py, b\.py\. Set --config"):
        find_config(tmp_path)


def test_the_last_checkpoint_also_of_a_folder_that_was_moved(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint: .*last_check"):
        find_checkpoint(tmp_path)
    (tmp_path / "last_checkpoint").write_text("/elsewhere/run/epoch_3.pth\n")
    with pytest.raises(FileNotFoundError, match=r"names /elsewhere/run/epoch_3\.pth"):
        find_checkpoint(tmp_path)
    (tmp_path / "epoch_3.pth").write_bytes(b"")
    assert find_checkpoint(tmp_path) == tmp_path / "epoch_3.pth"
    (tmp_path / "last_checkpoint").write_text(str(tmp_path / "epoch_3.pth"))
    assert find_checkpoint(tmp_path) == tmp_path / "epoch_3.pth"


def test_a_model_without_a_backbone_is_named():
    with pytest.raises(
        ValueError, match="Sequential has no backbone: looked for the module .*0, 1"
    ):
        backbone_of(nn.Sequential(nn.Identity(), nn.Identity()))


@pytest.fixture
def run(tmp_path):
    """Return the work directory of a run that was moved."""
    folder = tmp_path / "run"
    folder.mkdir()
    cfg, _ = made(folder, "ResNet")
    cfg.dump(folder / "tiny.py")
    (folder / "last_checkpoint").write_text("/moved/epoch_1.pth")
    return folder


@pytest.fixture
def start(monkeypatch):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["draw_features.py", *map(str, arguments)])
        return runpy.run_path(str(TOOL))["main"]()

    return call


def test_the_tool_draws_the_folder_of_a_run(run, start, capsys):
    before = {path.name: path.read_bytes() for path in run.glob("*.*")}
    assert start(run) == 0
    printed = capsys.readouterr().out
    assert f"{run}/pictures/patch_pca.png: " in printed
    assert "no attention.png: ResNet has no attention blocks" in printed
    assert set(json.loads((run / "pictures" / CAPTIONS).read_text())) == {
        *("patch_pca.png", "neighbours.png")
    }
    assert {path.name: path.read_bytes() for path in run.glob("*.*")} == before


def test_the_tool_takes_another_config_checkpoint_and_folder(run, start, tmp_path, capsys):
    bare = tmp_path / "bare"
    bare.mkdir()
    config, checkpoint = run / "tiny.py", run / "epoch_1.pth"
    assert start(bare) == 1
    assert f"{bare} has no config: looked for" in capsys.readouterr().err
    assert start(bare, "--config", config) == 1
    assert f"{bare} has no checkpoint: " in capsys.readouterr().err
    out = tmp_path / "out"
    assert start(bare, "--config", config, "--checkpoint", checkpoint, "-o", out) == 0
    assert (out / "neighbours.png").is_file()
    assert list(bare.iterdir()) == []
    root = f"val_dataloader.dataset.data_root={tmp_path}/nowhere"
    assert start(run, "--cfg-options", root) == 1
    assert f"{tmp_path}/nowhere" in capsys.readouterr().err
    torch.save({"state_dict": {}, "run": Path}, checkpoint)
    assert start(run) == 1
    assert "--trust-checkpoint" in capsys.readouterr().err
