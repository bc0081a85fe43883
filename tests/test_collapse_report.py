"""The tool that writes the collapse report, as a person starts it."""

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

from tests.mmdense.report.collapse.made_up_runs import made_up

TOOL = str(Path(__file__).resolve().parents[1] / "tools" / "collapse_report.py")
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
    monkeypatch.setattr(sys, "argv", ["collapse_report.py", *map(str, arguments)])
    return runpy.run_path(TOOL)["main"]()


@pytest.fixture
def few_figures(monkeypatch):
    """Only the first: the page itself is tested beside it."""
    from mmdense.report import page
    from mmdense.report.collapse import section

    draw = page.charts_of
    for module in (page, section):
        monkeypatch.setattr(module, "charts_of", lambda runs: draw(runs)[:1])


def written(folder, **options):
    made_up(None, **options).write(folder)
    return folder


@pytest.mark.usefixtures("few_figures")
def test_work_directories(tmp_path, monkeypatch, capsys):
    a, b = written(tmp_path / "a"), written(tmp_path / "b", verdict="diverged", reason="NaN")
    assert start(monkeypatch, a) == 0
    assert capsys.readouterr().out == (
        f"a: healthy. all is well\n{a}/collapse_report/collapse.html\n"
    )
    assert start(monkeypatch, a, b, "-o", tmp_path / "out") == 0
    assert "b: diverged. NaN\n" in capsys.readouterr().out
    assert (tmp_path / "out" / "centre.png").is_file()
    assert "diverged" in (tmp_path / "out" / "collapse.html").read_text()


@pytest.mark.usefixtures("few_figures")
def test_checkpoints_of_a_config(tmp_path, monkeypatch, capsys):
    generator = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for number in range(5):
        pixels = generator.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number}.png")
    config = tmp_path / "tiny.py"
    config.write_text(CONFIG.replace("{root}", str(tmp_path / "images")))
    cfg = Config.fromfile(config)
    init_default_scope("mmpretrain")
    model = MODELS.build({**cfg.model, "data_preprocessor": cfg.data_preprocessor})
    checkpoint = tmp_path / "epoch_1.pth"
    torch.save({"state_dict": model.state_dict(), "meta": {"iter": 30}}, checkpoint)
    out = tmp_path / "out"
    arguments = ("--config", config, "--checkpoint", checkpoint, "-o", out)
    assert start(monkeypatch, *arguments) == 0
    assert capsys.readouterr().out.endswith(f"{out}/collapse.html\n")
    content = json.loads((out / "collapse.json").read_text())
    assert [step for step, _ in content["curves"]["m_o"]] == [30]
    assert content["facts"]["spaces"]["projector"] == {"images": 5, "channels": 8}
    page = (out / "collapse.html").read_text()
    assert "These readings are from checkpoints" in page
    beside = written(tmp_path / "a")
    assert start(monkeypatch, beside, *arguments) == 0
    assert "different methods" not in (out / "collapse.html").read_text()
    torch.save({"state_dict": model.state_dict(), "run": Path}, checkpoint)
    assert start(monkeypatch, *arguments) == 1
    assert "--trust-checkpoint" in capsys.readouterr().err


def test_what_cannot_be_reported_is_said(tmp_path, monkeypatch, capsys):
    assert start(monkeypatch, tmp_path) == 1
    assert "no collapse.json" in capsys.readouterr().err
    written(tmp_path / "a")
    (tmp_path / "a" / "collapse.json").write_text('{"curves": {"m_o": [[1, 0.')
    assert start(monkeypatch, tmp_path / "a") == 1
    assert "is cut off or not JSON" in capsys.readouterr().err
    for arguments, message in (
        ((), "work directories, or --config and --checkpoint"),
        (("--config", "absent.py"), "there is no config file absent.py"),
        (("--checkpoint", "a.pth"), "--config and --checkpoint"),
        (("--config", "absent.py", "--checkpoint", "a.pth"), "there is no config file absent.py"),
    ):
        with pytest.raises(SystemExit):
            start(monkeypatch, *arguments)
        assert message in capsys.readouterr().err
