"""The two tools from a config on disk to metrics.json and record.json."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmdense.evaluation.frozen import argument_parser, evaluate_frozen
from mmdense.records.record import load
from mmdense.registry import MODELS

TOOLS = Path(__file__).parents[3] / "tools"

CONFIG = """
default_scope = "mmpretrain"
data_preprocessor = dict(mean=[127.5] * 3, std=[127.5] * 3, to_rgb=True)
model = dict(
    type="ImageClassifier",
    backbone=dict(type="ResNet", depth=18, stem_channels=8, base_channels=8),
    head=dict(type="a head that is never built"),
)
test_pipeline = [dict(type="LoadImageFromFile"), dict(type="PackInputs")]
train_pipeline = [dict(type="a transform that is never built")]
train_dataloader = dict(
    batch_size=4, num_workers=0, drop_last=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(type="CustomDataset", data_root=r"{root}/train", pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=15, num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type="CustomDataset", data_root=r"{root}/test", pipeline=test_pipeline),
)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Red and blue images of 32 px, 11 a class to train with and 3 a class to test with."""
    root = tmp_path_factory.mktemp("frozen")
    noise = np.random.default_rng(0)
    for split, count in (("train", 11), ("test", 3)):
        for channel, name in ((0, "red"), (2, "blue")):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                image = noise.integers(0, 60, (32, 32, 3), dtype=np.uint8)
                image[:, :, channel] += 180
                Image.fromarray(image).save(folder / f"{i}.png")
    return root


@pytest.fixture
def config(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "colours.py"
    path.write_text(CONFIG.replace("{root}", str(data)))
    return path


def run_tool(name, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [f"tools/{name}.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as done:
        runpy.run_path(str(TOOLS / f"{name}.py"), run_name="__main__")
    return done.value.code


def test_linear_probe_of_random_weights(config, tmp_path, monkeypatch, capsys):
    options = ("--random", "--work-dir", tmp_path / "out")
    assert run_tool("linear_probe", monkeypatch, config, *options) == 0
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["accuracy/top1"] == 100.0  # colours are easy
    assert metrics["accuracy/top5"] == 100.0
    record = load(tmp_path / "out" / "record.json")
    assert record.metrics == metrics
    assert record.name == "colours_linear_probe"
    assert record.notes == ["random weights"]
    assert record.images_per_second > 0
    assert record.images == 22
    assert record.command[0] == "tools/linear_probe.py"
    printed = capsys.readouterr().out
    assert "KaimingInit" not in printed, printed  # no list of every parameter
    line = printed.splitlines()[-1]
    assert line.startswith("linear_probe of random weights: accuracy/top1 100,")
    assert line.endswith("(22 train and 6 test images)")  # all of them, in spite of drop_last


def test_knn_of_a_checkpoint_in_the_default_work_dir(config, tmp_path, monkeypatch, capsys):
    backbone = MODELS.build(
        {"type": "mmpretrain.ResNet", "depth": 18, "stem_channels": 8, "base_channels": 8}
    )
    weights = {f"backbone.{key}": value for key, value in backbone.state_dict().items()}
    torch.save({"state_dict": weights}, tmp_path / "a.pth")
    assert run_tool("knn", monkeypatch, config, "a.pth", "--k", "1", "22") == 0
    metrics = json.loads((tmp_path / "work_dirs" / "colours_knn" / "metrics.json").read_text())
    assert set(metrics) == {"knn/k1_top1", "knn/k22_top1"}
    assert metrics["knn/k1_top1"] == 100.0
    assert "knn of a.pth" in capsys.readouterr().out


UNLABELLED = {
    "train": ("pipeline=train_pipeline)", "with_label=False, pipeline=train_pipeline)"),
    "test": ("pipeline=test_pipeline)", "with_label=False, pipeline=test_pipeline)"),
}


@pytest.fixture
def no_backbone(monkeypatch):
    """Whatever is refused is refused before a backbone is built."""

    def build_none(*_):
        pytest.fail("work was begun")

    monkeypatch.setattr("mmdense.evaluation.frozen._build_backbone", build_none)


@pytest.mark.parametrize("split", UNLABELLED)
@pytest.mark.parametrize("tool", ["knn", "linear_probe"])
def test_an_unlabelled_split_is_refused_before_any_work(
    split, tool, config, monkeypatch, capsys, no_backbone
):
    config.write_text(config.read_text().replace(*UNLABELLED[split]))
    assert run_tool(tool, monkeypatch, config, "--random", "--work-dir", "out") == 1
    said = capsys.readouterr().err
    expected = f"{tool} stopped: {config}: {split}_dataloader.dataset has images without a label"
    assert expected in said


def test_more_neighbours_than_images_are_refused_before_any_work(
    config, monkeypatch, capsys, no_backbone
):
    options = (config, "--random", "--work-dir", "out")
    assert run_tool("knn", monkeypatch, *options, "--k", "1", "23") == 1
    assert "--k 23 is more than the 22 training images" in capsys.readouterr().err
    assert run_tool("knn", monkeypatch, *options, "--k", "0") == 2
    assert "--k must be at least 1, found 0" in capsys.readouterr().err
    assert run_tool("knn", monkeypatch, *options, "--temperature", "0") == 2
    assert "--temperature must be positive" in capsys.readouterr().err
    assert run_tool("linear_probe", monkeypatch, *options, "--strengths", "-1") == 2
    assert "--strengths must not be negative" in capsys.readouterr().err


def test_temperature_and_strengths_reach_the_evaluation(config, tmp_path, monkeypatch):
    from mmdense.evaluation import knn

    seen = []
    whole = knn.knn_classify_each
    monkeypatch.setattr(
        knn, "knn_classify_each", lambda *a, **more: seen.append(more) or whole(*a, **more)
    )
    options = (config, "--random", "--work-dir", tmp_path / "out")
    assert run_tool("knn", monkeypatch, *options, "--k", "3", "--temperature", "0.5") == 0
    assert seen[0]["temperature"] == 0.5
    assert run_tool("linear_probe", monkeypatch, *options, "--strengths", "0.25") == 0
    assert load(tmp_path / "out" / "record.json").metrics["probe/strength"] == 0.25


def test_a_missing_checkpoint_is_no_traceback(config, monkeypatch, capsys):
    assert run_tool("linear_probe", monkeypatch, config, "absent.pth") == 1
    assert "linear_probe stopped: " in capsys.readouterr().err


def features_of(config, *arguments):
    seen = []
    args = argument_parser("test").parse_args([str(config), *arguments])
    evaluate_frozen(args, "test", lambda features: seen.append(features) or {"a": 1.0})
    return seen[0]


def test_labels_and_order_follow_the_folders(config):
    features = features_of(config, "--random")
    assert features.train_labels.tolist() == [0] * 11 + [1] * 11  # blue, red
    assert features.test_labels.tolist() == [0] * 3 + [1] * 3
    assert features.train.shape == (22, 64)  # 8 channels, doubled three times
    assert features.num_classes == 2


def test_a_share_of_the_labels_trains_and_all_test_images_test(config):
    share = 'dataset=dict(type="mmdense.FewLabels", percent=20, dataset=dict(type="CustomDataset"'
    text = config.read_text().replace('dataset=dict(type="CustomDataset"', share, 1)
    config.write_text(text.replace("pipeline=train_pipeline)", "pipeline=train_pipeline))"))
    features = features_of(config, "--random")
    # 20 % of 11 a class is 2.2
    assert features.train_labels.tolist() == [0, 0, 1, 1]
    assert len(features.test_labels) == 6


def test_the_seed_decides_random_weights(config):
    first, again = (features_of(config, "--random", "--seed", "1").test for _ in range(2))
    other = features_of(config, "--random", "--seed", "2").test
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_a_checkpoint_that_does_not_fit_is_refused(config, tmp_path):
    torch.save({"state_dict": {"backbone.conv1.weight": torch.zeros(1)}}, tmp_path / "bad.pth")
    with pytest.raises(ValueError, match=r"unknown keys \(conv1.weight"):
        features_of(config, "bad.pth")
    assert not (tmp_path / "work_dirs").exists()  # nothing is written for a failed run


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("train_dataloader = ", "other = ", r"has no train_dataloader.dataset"),
        ("data_preprocessor = ", "other = ", "has no data_preprocessor"),
        ("backbone=dict", "trunk=dict", "has no model.backbone"),
        (
            'dataset=dict(type="CustomDataset", data_root=r"{root}/train"',
            'dataset=dict(type="RepeatDataset", times=2, dataset=dict(type="CustomDataset")',
            "train_dataloader.dataset is the wrapper RepeatDataset",
        ),
        ("{root}/test", "{root}", "different classes"),
    ],
)
def test_bad_configs(data, tmp_path, old, new, message):
    path = tmp_path / "bad.py"
    assert old in CONFIG
    path.write_text(CONFIG.replace(old, new).replace("{root}", str(data)))
    with pytest.raises(ValueError, match=message):
        features_of(path, "--random", "--work-dir", str(tmp_path / "out"))


@pytest.mark.parametrize("weights", [[], ["a.pth", "--random"]])
def test_weights_are_given_once(weights, capsys):
    with pytest.raises(SystemExit):
        argument_parser("test").parse_args(["config.py", *weights])
    assert "--random" in capsys.readouterr().err


def test_two_processes_find_what_one_finds(config, tmp_path, monkeypatch):
    torch.manual_seed(0)
    # The scope is named, so that the test needs no default that another left.
    backbone = MODELS.build({**Config.fromfile(config).model.backbone, "type": "mmpretrain.ResNet"})
    weights = {f"backbone.{key}": value for key, value in backbone.state_dict().items()}
    torch.save({"state_dict": weights}, tmp_path / "weights.pth")
    given = [str(config), str(tmp_path / "weights.pth"), "--work-dir"]
    run_tool("linear_probe", monkeypatch, *given, str(tmp_path / "one"))
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command += [str(TOOLS / "linear_probe.py"), *given, str(tmp_path / "two")]
    done = subprocess.run(
        [sys.executable, *command, "--launcher", "pytorch"],
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(TOOLS.parent)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("linear_probe of") == 1
    one, two = (json.loads((tmp_path / n / "metrics.json").read_text()) for n in ("one", "two"))
    assert one == two
    assert load(tmp_path / "two" / "record.json").images == 22
