"""What a user sees of a stage, and its images."""

import io
import os

import pytest
from rich.console import Console

from mmdense.engine.progress import Status
from mmdense.workflow import runner
from mmdense.workflow.runner import StageProgress, draw_images


@pytest.mark.parametrize("terminal", [False, True])
def test_a_stage_shows_where_it_is_and_how_it_ended(terminal):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200)
    with StageProgress("[1/2] pretrain", console, interval=0) as progress:
        progress.show(None)
        progress.show(Status("train", 20, 50, 0.7312, 95.2))
        if terminal:
            progress._line._live.refresh()
        progress.print("done in 0:00")
    printed = console.file.getvalue()
    assert "[1/2] pretrain: train 20/50, loss 0.731, 0:01:35 left (0:0" in printed
    assert "[1/2] pretrain: done in 0:00\n" in printed
    assert terminal or printed.count("\n") == 3  # with "started"


@pytest.fixture
def stage(tmp_path, monkeypatch):
    folder = tmp_path / "detect"
    folder.mkdir()
    (folder / "epoch_1.pth").write_text("weights")
    (folder / "last_checkpoint").write_text(f"{folder}/epoch_1.pth")
    (tmp_path / "draw_features.py").write_text(
        "import pathlib, sys\n"
        "captions = pathlib.Path(sys.argv[1]) / 'pictures' / 'captions.json'\n"
        "captions.parent.mkdir(exist_ok=True)\n"
        "captions.write_text(str(captions.exists()))\n"
    )
    monkeypatch.setattr(runner, "TOOL_FOLDER", tmp_path)
    return folder


def test_images_are_drawn_once_for_a_model(stage, tmp_path):
    captions = stage / "pictures" / "captions.json"
    for _ in range(2):
        assert draw_images("detect", tmp_path) is None
        assert captions.read_text() == "False"  # not a second time
    later = captions.stat().st_mtime + 10
    os.utime(stage / "epoch_1.pth", (later, later))  # trained again
    assert draw_images("detect", tmp_path) is None
    assert captions.read_text() == "True"


def test_a_drawing_that_fails_gives_its_reason(stage, tmp_path):
    tool = tmp_path / "draw_features.py"
    tool.write_text("raise SystemExit('no data here')\n")
    assert draw_images("detect", tmp_path) == "no data here"
    assert (stage / "pictures.log").read_text() == "no data here\n"
    tool.write_text("raise SystemExit(3)\n")
    assert draw_images("detect", tmp_path) == "drawing ended with code 3"
