"""Configs and commands lose what belongs to one machine, and nothing else."""

import math
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config, ConfigDict

from mmdense.records.portable import config_hash, portable_config, portable_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/somewhere/else/data.zip", "<outside>/data.zip"),
        ("--work-dir=/somewhere/run", "--work-dir=<outside>/run"),
        ("~/checkpoints/a.pth", "<outside>/a.pth"),
        ("../neighbour/data", "<outside>/data"),
        ("configs/a.py", "configs/a.py"),
        ("https://example.org/a/b.pth", "https://example.org/a/b.pth"),
        ("lr=0.1", "lr=0.1"),
        ("", ""),
    ],
)
def test_paths_and_what_is_none(text, expected):
    assert portable_path(text) == expected


def test_paths_inside_the_working_folder_become_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert portable_path(str(tmp_path / "work_dirs" / "a")) == "work_dirs/a"
    assert portable_path(f"--out={tmp_path}/a=b.json") == "--out=a=b.json"
    assert portable_path(str(tmp_path)) == "."


def test_values_without_a_json_form():
    config = {
        "tuple": (1, 2.5),
        "range": range(2),
        "bound": math.inf,
        "class": Path,
        "array": np.array([1.0, 2.0], dtype=np.float32),
        "set": {"b", "a"},
        3: None,
    }
    assert portable_config(config) == {
        "tuple": [1, 2.5],
        "range": [0, 1],
        "bound": "inf",
        "class": f"{Path.__module__}.Path",
        "array": [1.0, 2.0],
        "set": ["a", "b"],
        "3": None,
    }


def test_a_value_with_no_form_is_named():
    with pytest.raises(TypeError, match=r"config\.model\.layers\[1\]: a object"):
        portable_config({"model": {"layers": [1, object()]}})


def test_hash_ignores_order_and_place_only():
    config = {"model": {"depth": 18, "width": 64}, "lr": 0.1}
    reordered = Config({"lr": 0.1, "model": ConfigDict(width=64, depth=18)})
    assert config_hash(config) == config_hash(reordered)
    assert config_hash(config) == config_hash({**config, "work_dir": "/tmp/a", "resume": True})
    assert config_hash(config) != config_hash({**config, "lr": 0.10001})
    nested = {**config, "model": {**config["model"], "work_dir": "a"}}
    assert config_hash(config) != config_hash(nested)
    assert len(config_hash(config)) == 64
