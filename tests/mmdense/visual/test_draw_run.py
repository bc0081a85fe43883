"""All pictures of a run in one folder, with their captions."""

import json

import mmdense  # noqa: F401

# isort: split
import mmpretrain.datasets  # noqa: F401
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from PIL import Image

from mmdense.visual.draw_run import draw_run
from mmdense.visual.drawn import CAPTIONS

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
    torch.save({"state_dict": model.state_dict()}, folder / "epoch_1.pth")
    return cfg, folder / "epoch_1.pth"


@pytest.mark.parametrize("backbone", list(BACKBONES))
def test_pictures_and_captions(backbone, tmp_path):
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
