"""Pictures are drawn once for a model, and why there are none is told."""

import os

import pytest

from mmdense.workflow import stage_images
from mmdense.workflow.stage_images import draw_stage


@pytest.fixture
def stage(tmp_path, monkeypatch):
    folder = tmp_path / "detect"
    folder.mkdir()
    (folder / "epoch_1.pth").write_text("weights")
    (folder / "last_checkpoint").write_text(f"{folder}/epoch_1.pth")
    tool = tmp_path / "tool.py"
    tool.write_text(
        "import pathlib, sys\n"
        "folder = pathlib.Path(sys.argv[1]) / 'pictures'\n"
        "folder.mkdir(exist_ok=True)\n"
        "(folder / 'captions.json').write_text(str((folder / 'captions.json').exists()))\n"
    )
    monkeypatch.setattr(stage_images, "_TOOL", tool)
    return folder


def test_drawn_once_for_a_model(stage, tmp_path):
    captions = stage / "pictures" / "captions.json"
    assert draw_stage("detect", tmp_path) is None
    assert captions.read_text() == "False"
    assert draw_stage("detect", tmp_path) is None
    assert captions.read_text() == "False"  # not a second time
    later = captions.stat().st_mtime + 10
    os.utime(stage / "epoch_1.pth", (later, later))  # trained again
    assert draw_stage("detect", tmp_path) is None
    assert captions.read_text() == "True"


def test_why_there_are_none(stage, tmp_path):
    stage_images._TOOL.write_text("raise SystemExit('no data here')\n")
    assert draw_stage("detect", tmp_path) == "no data here"
    assert (stage / "pictures.log").read_text() == "no data here\n"
    stage_images._TOOL.write_text("raise SystemExit(3)\n")
    assert "ended with code 3" in draw_stage("detect", tmp_path)
