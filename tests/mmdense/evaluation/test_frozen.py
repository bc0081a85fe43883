"""The tools knn.py and linear_probe.py, from a config to metrics.json and record.json."""

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
    options = ("--random", "--work-dir", tmp_path / "out", "--strengths", "0.25")
    assert run_tool("linear_probe", monkeypatch, config, *options) == 0
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["accuracy/top1"] == 100.0  # colours are easy
    assert metrics["accuracy/top5"] == 100.0
    assert metrics["probe/strength"] == 0.25
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
    options = ("--k", "1", "22", "--temperature", "1e-4")
    assert run_tool("knn", monkeypatch, config, "a.pth", *options) == 0
    metrics = json.loads((tmp_path / "work_dirs" / "colours_knn" / "metrics.json").read_text())
    assert set(metrics) == {"knn/k1_top1", "knn/k22_top1"}
    # All 22 images are neighbours, 11 of each class; the low temperature lets the nearest decide.
    assert metrics["knn/k1_top1"] == metrics["knn/k22_top1"] == 100.0
    assert "knn of a.pth" in capsys.readouterr().out


@pytest.fixture
def no_backbone(monkeypatch):
    """Bad input is found before a backbone is built."""

    def build_none(*_):
        pytest.fail("a backbone was built")

    monkeypatch.setattr("mmdense.evaluation.frozen._build_backbone", build_none)


def test_errors_before_any_work(config, monkeypatch, capsys, no_backbone):
    options = (config, "--random", "--work-dir", "out")
    for tool, status, more, message in (
        ("knn", 1, ("--k", "1", "23"), f"knn stopped: {config}: k=23 is more than the 22 images"),
        ("knn", 2, ("--k", "0"), "--k: must be at least 1, found 0"),
        ("knn", 2, ("--temperature", "0"), "--temperature must be positive"),
        ("linear_probe", 2, ("--strengths", "-1"), "--strengths must not be negative"),
    ):
        assert run_tool(tool, monkeypatch, *options, *more) == status
        assert message in capsys.readouterr().err


def test_a_missing_checkpoint_is_no_traceback(config, monkeypatch, capsys):
    assert run_tool("linear_probe", monkeypatch, config, "absent.pth") == 1
    assert "linear_probe stopped: " in capsys.readouterr().err


def features_of(config, *arguments):
    seen = []
    args = argument_parser("test").parse_args([str(config), *arguments])
    evaluate_frozen(args, "test", lambda features: seen.append(features) or {"a": 1.0})
    return seen[0]


def test_labels_and_order_follow_the_folders_and_the_seed_decides_random_weights(config):
    first, again = (features_of(config, "--random", "--seed", "1") for _ in range(2))
    assert first.bank_labels.tolist() == [0] * 11 + [1] * 11  # blue, red
    assert first.query_labels.tolist() == [0] * 3 + [1] * 3
    assert first.bank.shape == (22, 64)  # 8 channels, doubled three times
    assert first.num_classes == 2
    assert torch.equal(first.queries, again.queries)
    other = features_of(config, "--random", "--seed", "2")
    assert not torch.allclose(first.queries, other.queries)


def test_a_fraction_of_the_labels_trains_and_all_test_images_test(config):
    few = 'dataset=dict(type="mmdense.FewLabels", percent=20, dataset=dict(type="CustomDataset"'
    text = config.read_text().replace('dataset=dict(type="CustomDataset"', few, 1)
    config.write_text(text.replace("pipeline=train_pipeline)", "pipeline=train_pipeline))"))
    features = features_of(config, "--random")
    # 20 % of 11 a class is 2.2
    assert features.bank_labels.tolist() == [0, 0, 1, 1]
    assert len(features.query_labels) == 6


def test_an_unsuitable_checkpoint(config, tmp_path):
    torch.save({"state_dict": {"backbone.conv1.weight": torch.zeros(1)}}, tmp_path / "bad.pth")
    with pytest.raises(ValueError, match=r"unknown keys \(conv1.weight"):
        features_of(config, "bad.pth")
    assert not (tmp_path / "work_dirs").exists()  # nothing is written for a failed run


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("train_dataloader = ", "other = ", r"bad.py: train_dataloader is not set"),
        ("data_preprocessor = ", "other = ", "data_preprocessor is not set"),
        (
            "pipeline=test_pipeline)",
            "with_label=False, pipeline=test_pipeline)",
            "bad.py: test_dataloader.dataset has images without a label",
        ),
        ("backbone=dict", "trunk=dict", "has no model.backbone"),
    ],
)
def test_bad_configs(data, tmp_path, old, new, message):
    path = tmp_path / "bad.py"
    assert old in CONFIG
    path.write_text(CONFIG.replace(old, new).replace("{root}", str(data)))
    with pytest.raises(ValueError, match=message):
        features_of(path, "--random", "--work-dir", str(tmp_path / "out"))


@pytest.mark.parametrize("weights", [[], ["a.pth", "--random"]])
def test_either_a_checkpoint_or_random_weights(config, weights, capsys):
    with pytest.raises(SystemExit):
        argument_parser("test").parse_args([str(config), *weights])
    assert "--random" in capsys.readouterr().err


def test_two_processes_give_the_metrics_of_one(config, tmp_path, monkeypatch):
    torch.manual_seed(0)
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
