"""The tools as a user starts them."""

import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mmdense.config.usage_error import UsageError
from mmdense.data.collage import generate as collage

ROOT = Path(__file__).resolve().parents[1]
DETECTOR = "configs/detection/faster_rcnn_r18_bccd.py"
STUDY = "configs/pipelines/collapse_study.py"
PROBE = "configs/probe/r18_cifar10.py"
UNKNOWN = ["--cfg-options", "train_dataloadr.batch_size=2"]
ABSENT = "--cfg-options|data_root=absent folder/"


def run_inside(tool: str, *arguments: str) -> int | str | None:
    """Run a tool in this process, which has imported what tools import; return its exit status."""
    sys.argv = [tool, *arguments]
    try:
        runpy.run_path(str(ROOT / "tools" / tool), run_name="__main__")
    except SystemExit as stopped:
        return stopped.code
    except UsageError as error:  # the hook of ToolParser prints it alone
        sys.excepthook(type(error), error, None)
        return 1
    return 0


@pytest.fixture(autouse=True)
def as_in_a_shell(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["tool"])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.parametrize("tool", sorted(file.name for file in (ROOT / "tools").glob("*.py")))
def test_every_tool_has_help(tool, capsys):
    assert run_inside(tool, "--help") == 0
    assert "usage:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("train.py", ["absent.py"], "there is no config file absent.py"),
        ("prepare_data.py", ["mnist"], "data set 'mnist'"),
        ("prepare_data.py", ["coco", "--source", "absent"], "absent does not exist"),
        ("prepare_data.py", ["--shard", "absent", "--out", "out"], "folder absent"),
        ("prepare_data.py", ["bccd", "--out", "out"], "--out needs --shard"),
        ("prepare_data.py", ["--shard", "a", "--source", "b"], "--source"),
        ("prepare_data.py", ["--shard", "a", "--max-samples", "9"], "--max-samples need --shard"),
        ("study.py", [STUDY, "--variants", "a", "--keep", "b"], "--variants"),
        # Options that no config of this kind reads, and folders that are not there.
        ("train.py", [DETECTOR, *UNKNOWN], "Did you mean"),
        ("test.py", [DETECTOR, "x.pth", *UNKNOWN], "Did you mean"),
        ("knn.py", [PROBE, "--random", *UNKNOWN], "Did you mean"),
        ("print_config.py", [DETECTOR, *UNKNOWN], "Did you mean"),
        ("check_data.py", [DETECTOR, *UNKNOWN], "Did you mean"),
        ("browse.py", [DETECTOR, *UNKNOWN], "Did you mean"),
        ("train.py", [DETECTOR, *ABSENT.split("|")], "train_dataloader.dataset.data_root"),
        ("test.py", [DETECTOR, "x.pth", *ABSENT.split("|")], "test_dataloader.dataset.data_root"),
    ],
)
def test_a_wrong_argument_is_named(tool, arguments, message, capsys):
    status = run_inside(tool, *arguments)
    assert status not in (0, None)
    assert message in f"{capsys.readouterr().err} {status}"


def test_a_usage_error_ends_a_tool_without_a_traceback():
    command = [sys.executable, str(ROOT / "tools" / "train.py"), DETECTOR, *UNKNOWN]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Did you mean" in done.stderr
    assert "Traceback" not in done.stderr


def test_browse_and_shards_work_from_the_command_line(tmp_path, capsys):
    place = collage.ensure("tiny", root=tmp_path / "data")
    capsys.readouterr()
    folders = [str(place / "unlabelled"), "--out", str(tmp_path / "shards")]
    assert not run_inside("prepare_data.py", "--shard", *folders)
    assert capsys.readouterr().out == f"{tmp_path}/shards: 32 images, shards: 1\n"
    config = tmp_path / "shards.py"
    bases = ["_base_/datasets/unlabelled_shards.py", "_base_/runtime_pretrain.py"]
    config.write_text(f"_base_ = {[f'{ROOT}/configs/{base}' for base in bases]}\n")
    options = [
        f"train_dataloader.dataset.shards={tmp_path}/shards",
        "train_dataloader.batch_size=8",
    ]
    assert not run_inside("browse.py", str(config), "-o", str(tmp_path), "--cfg-options", *options)
    assert capsys.readouterr().out.endswith(f"{tmp_path}/shards_train.png\n")
    assert (tmp_path / "shards_train.png").stat().st_size > 10_000


def test_check_data_prints_tables_and_counts_errors(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")  # no message is broken into lines
    (tmp_path / "train" / "cat").mkdir(parents=True)
    (tmp_path / "train" / "cat" / "0.jpg").write_bytes(b"")
    config = tmp_path / "a.py"
    config.write_text(
        "default_scope = 'mmpretrain'\n"
        "train_dataloader = dict(\n"
        f"    dataset=dict(type='CustomDataset', data_root='{tmp_path}/train')\n"
        ")\n"
        f"val_dataloader = dict(dataset=dict(type='CustomDataset', data_root='{tmp_path}/val'))\n"
    )
    assert run_inside("check_data.py", str(config)) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "the file is empty" in printed
    assert "No such file" in printed
    assert run_inside("check_data.py", str(config), "--split", "test") == 0  # it has no such loader
