"""Artificial records: a run, a pipeline with all files in its work directory, and a study."""

import json
import math

import numpy as np
from PIL import Image

from mmdense.records.checks import check_scores
from mmdense.records.record import Record, save
from tests.mmdense.report.collapse.made_up_runs import made_up

GIT = {"commit": "0123456789abcdef", "dirty": False, "dirty_files": []}
HARDWARE = {
    "cpu": "A processor",
    "cores": 1,
    "ram_gib": 8.0,
    "gpus": [],
    "platform": "Linux x86_64",
}


def record_of(name, *, slug="made_up", config=None, **changes):
    """Return a record without results."""
    fields = {
        "slug": slug,
        "name": name,
        "date": "2026-01-02T03:04:05+00:00",
        "command": ["tools/train.py", "configs/a b.py"],
        "config": config or {},
        "config_sha256": "c" * 64,
        "seed": 0,
        "versions": {"torch": "2.4", "mmcv": None},
        "hardware": HARDWARE,
        "git": dict(GIT),
        "wall_time_s": 372.0,
    }
    return Record(**(fields | changes))


def curve(steps=80, start=2.0):
    """A loss that falls."""
    return [[step, start / step] for step in range(1, steps + 1)]


def run(folder, name="alone", **changes):
    """A run alone in its work directory."""
    fields = {"metrics": {"mIoU": 31.25}, "curves": {"train/loss": curve()}} | changes
    save(record_of(name, **fields), folder / "record.json")
    return folder


def stage(name, task, metrics, **changes):
    """Return the entry of a stage in the record of a pipeline or a study."""
    return {
        "name": name,
        "task": task,
        "data": "Collage",
        "config_sha256": "c" * 64,
        "command": ["tools/train.py", f"configs/{name}.py"],
        "metrics": metrics,
        "curves": {"train/loss": curve(), "val/mIoU": [[40, 1.0], [80, 2.0]]},
        "images": 1500,
    } | changes


def write_image(path, size=(40, 20), colour=(200, 30, 30)):
    """A PNG of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size[1], size[0], 3), colour, dtype=np.uint8)).save(path)


def pipeline(folder, name="whole", **changes):
    """A pipeline with images, a verdict and a transfer, in its work directory."""
    stages = [
        stage("pretrain", "pretrain", {"collapse/m_o": 0.5}),
        stage("ssl", "segmentation", {"mIoU": 9.5}),
        stage("random", "segmentation", {"mIoU": 10.5}),
    ]
    compare = [
        {"metric": "mIoU", "label": "mIoU | all", "scale": 1, "ssl": "ssl", "random": "random"},
        {"metric": "mIoU", "label": "mIoU, alone", "scale": 1, "ssl": "ssl"},
    ]
    expected = [{"metric": "ssl/mIoU", "value": 9.0, "tolerance": 1.0, "record": "a/b"}]
    config = {"compare": compare, "expected": expected}
    metrics = {
        f"{entry['name']}/{key}": v for entry in stages for key, v in entry["metrics"].items()
    }
    fields = {"config": config, "stages": stages, "metrics": metrics}
    fields |= {"checks": check_scores(expected, metrics)} | changes
    save(record_of(name, slug="pipelines", **fields), folder / "record.json")
    for entry in stages:
        place = folder / entry["name"]
        place.mkdir(exist_ok=True)
        save(record_of(entry["name"], metrics=entry["metrics"]), place / "record.json")
        (place / "stage.json").write_text('{"state": "done", "fingerprint": "a"}')
    for name_of_stage, colour in (("ssl", (20, 90, 200)), ("random", (200, 90, 20))):
        for number in range(5):
            write_image(folder / name_of_stage / "predictions" / f"{number}.png", colour=colour)
    made_up(None, steps=4).write(folder / "pretrain")
    write_transfer(folder / "ssl")
    images = folder / "pretrain" / "pictures"
    write_image(images / "patch_pca.png", (1900, 300))
    write_image(images / "neighbours.png")
    words = {"neighbours.png": {"title": "Neighbours", "caption": "The nearest <images>."}}
    (images / "captions.json").write_text(json.dumps(words))
    return folder


def write_transfer(folder, **changes):
    """A ``transfer.json`` of three weights."""
    transfer = {
        "source": "epoch_1.pth",
        "place": "backbone.",
        "branch": "student",
        "dialects": ["one", "other"],
        "target": "ResNet",
        "covered": 0.75,
        "summary": "in a line",
        "entries": [
            ["conv1.weight", "matched", 3000, ""],
            ["bn1.weight", "matched", 64, ""],
            ["fc.bias", "missing", 1000, "not there"],
        ],
        "doubts": {},
        "allowed": [],
    } | changes
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "transfer.json").write_text(json.dumps([transfer]))


def study(folder, scores=None, **changes):
    """A study of two variants and three seeds, kept without its work directory."""
    scores = scores or {"plain": [30.0, 31.0, 32.0], "wide": [33.0, 34.5, 35.0]}
    labels = {name: name.capitalize() for name in scores}
    stages = [
        stage(f"{name}/seed{seed}", "segmentation", {"mIoU": runs[seed]})
        for seed in range(3)
        for name, runs in scores.items()
    ]
    metrics = {}
    for name, runs in scores.items():
        mean = sum(runs) / 3
        metrics[f"{name}/mIoU/mean"] = mean
        metrics[f"{name}/mIoU/sd"] = math.sqrt(sum((run - mean) ** 2 for run in runs) / 2)
    config = {
        "seeds": [0, 1, 2],
        "variants": [{"name": name, "label": label} for name, label in labels.items()],
        "metrics": [{"metric": "mIoU", "label": "mIoU", "scale": 1}],
    } | changes
    fields = {"config": config, "stages": stages, "metrics": metrics, "seed": None}
    save(record_of("several", **fields), folder / "record.json")
    return folder
