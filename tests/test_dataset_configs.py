"""Every base config of a data set gives batches from a tiny folder with its layout."""

import copy
import json
from pathlib import Path

import mmdense  # noqa: F401

# isort: split
import mmdet.datasets
import mmseg.datasets  # noqa: F401
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import DATASETS, MODELS, DefaultScope
from mmengine.runner import Runner
from PIL import Image

from mmdense.config.options import read_config
from mmdense.data.collage import generate as collage
from mmdense.data.shards.write import write_shards
from mmdense.data.views.image_batch import split_images
from mmdense.evaluation.probe_loaders import build_preprocessor, build_probe_loaders

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted((ROOT / "configs" / "_base_" / "datasets").glob("*.py"))
SIZE = (48, 40)  # width, height
BOX = (2, 3, 42, 38)  # x1, y1, x2, y2: over 32 a side, as MMDetection's filters need


def write_image(path, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (200, 120, 40)).save(path)


def class_map(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(SIZE[::-1], 1, np.uint8)).save(path)


def coco(path, folder, categories):
    """Write three images with one box each."""
    images, boxes = [], []
    x1, y1, x2, y2 = BOX
    for i in range(3):
        write_image(folder / f"{i}.jpg")
        images.append(dict(id=i, file_name=f"{i}.jpg", width=SIZE[0], height=SIZE[1]))
        box = dict(id=i, image_id=i, bbox=[x1, y1, x2 - x1, y2 - y1], iscrowd=0)
        boxes.append(dict(box, category_id=1, area=(x2 - x1) * (y2 - y1)))
    categories = [dict(id=i, name=name) for i, name in enumerate(categories, start=1)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(images=images, annotations=boxes, categories=categories)))


def voc(root, lists):
    corners = "".join(f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), BOX))
    for name in lists:
        stems = [f"{name}_{i}" for i in range(3)]
        for stem in stems:
            write_image(root / "JPEGImages" / f"{stem}.jpg")
            (root / "Annotations").mkdir(exist_ok=True)
            (root / "Annotations" / f"{stem}.xml").write_text(
                f"<annotation><size><width>{SIZE[0]}</width><height>{SIZE[1]}</height></size>"
                f"<object><name>cat</name><difficult>0</difficult><bndbox>{corners}</bndbox>"
                "</object></annotation>"
            )
        (root / "ImageSets" / "Main").mkdir(parents=True, exist_ok=True)
        (root / "ImageSets" / "Main" / f"{name}.txt").write_text("\n".join(stems) + "\n")


def arrays(root, side, splits, unlabelled=()):
    root.mkdir()
    for split in (*splits, *unlabelled):
        np.save(root / f"{split}_images.npy", np.zeros((4, side, side, 3), np.uint8))
        if split not in unlabelled:
            np.save(root / f"{split}_labels.npy", np.arange(4) // 2)
    (root / "classes.txt").write_text("a\nb\nc\nd\n")
    (root / "prepared.json").write_text(json.dumps({"encoding": "original"}))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a few images of every data set in ``data``."""
    root = tmp_path_factory.mktemp("place")
    data = root / "data"
    collage.ensure("tiny", root=data, workers=1).rename(data / "collage" / "small")
    arrays(data / "cifar10", 32, ("train", "test"))
    arrays(data / "cifar100", 32, ("train", "test"))
    arrays(data / "stl10", 96, ("train", "test"), unlabelled=("unlabelled",))
    for split in ("train", "val", "test"):
        coco(
            data / "bccd" / "annotations" / f"{split}.json",
            data / "bccd" / "images" / split,
            ("RBC", "WBC", "Platelets"),
        )
        for i in range(3):
            write_image(data / "camvid" / "images" / split / f"{i}.png", (480, 360))
            class_map(data / "camvid" / "annotations" / split / f"{i}.png")
    for split in ("train2017", "val2017"):
        classes = mmdet.datasets.CocoDataset.METAINFO["classes"]
        annotations = data / "coco" / "annotations" / f"instances_{split}.json"
        coco(annotations, data / "coco" / split, classes)
    for split in ("training", "validation"):
        for i in range(3):
            write_image(data / "ade20k" / "images" / split / f"{i}.jpg")
            class_map(data / "ade20k" / "annotations" / split / f"{i}.png")
    voc(data / "voc" / "VOC2007", ("trainval", "test"))
    voc(data / "voc" / "VOC2012", ("trainval",))
    for split in ("train", "val"):
        for i in range(1000):  # MMPretrain needs a folder for each class
            (data / "imagenet" / split / f"n{i:08}").mkdir(parents=True)
        for i in range(4):  # two a class
            write_image(data / "imagenet" / split / f"n{i // 2:08}" / f"{i}.JPEG")
            write_image(data / "tiny_imagenet" / split / f"n{i // 2:08}" / f"{i}.JPEG", (64, 64))
            write_image(data / "imagenet100" / split / f"n{i // 2:08}" / f"{i}.JPEG")
            write_image(data / "natural1k" / f"{i}.jpg")
    write_shards(data / "natural1k", data / "shards", max_samples=2)
    return root


def scope_of(path):
    for scope, ends in (("mmdet", ("_detection", "_instance")), ("mmseg", ("_semantic",))):
        if path.stem.endswith(ends):
            return scope
    return "mmpretrain"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_batches_come_from_the_layout(path, place, monkeypatch):
    monkeypatch.chdir(place)
    cfg = Config.fromfile(path)
    loaders = [key for key in cfg if key.endswith("_dataloader")]
    assert "train_dataloader" in loaders
    with DefaultScope.overwrite_default_scope(scope_of(path)):
        for key in loaders:
            small = dict(batch_size=2, num_workers=0, persistent_workers=False)
            batch = next(iter(Runner.build_dataloader({**cfg[key], **small}, seed=0)))
            check(batch, labelled=not (key.startswith("train") and "unlabelled" in path.stem))
            if key == "train_dataloader" and "MultiView" in str(cfg.get("data_preprocessor")):
                preprocessor = MODELS.build(cfg.data_preprocessor)
                views = preprocessor(batch, training=True)["inputs"]
                size = cfg.data_preprocessor.common.size
                assert [tuple(view.shape) for view in views] == [(2, 3, size, size)] * 2
        for key in cfg:
            if key.endswith("_evaluator"):
                Evaluator(cfg[key])
        if "unlabelled" not in path.stem:
            check_few_labels(cfg.train_dataloader.dataset)


def check_few_labels(dataset):
    few = dict(type="mmdense.FewLabels", percent=40, dataset=copy.deepcopy(dataset))
    whole, part = DATASETS.build(dataset), DATASETS.build(few)
    assert 0 < len(part) < len(whole)
    assert part.metainfo["classes"] == whole.metainfo["classes"]
    assert part[0].keys() == whole[0].keys()


SIZES = {
    "cifar10": 32,
    "cifar100": 32,
    "stl10": 96,
    "tiny_imagenet": 64,
    "imagenet100": 224,
    "imagenet": 224,
}


@pytest.mark.parametrize("images", SIZES)
def test_k_nn_finds_labelled_images_of_one_size_in_every_data_set(images, place, monkeypatch):
    monkeypatch.chdir(place)
    study = read_config(ROOT / "configs/simsiam_decomp/study_recipes.py", {"images": images})
    cfg = Config.fromfile(ROOT / study.base)
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    knn = cfg.default_hooks.knn
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        loaders = build_probe_loaders(
            cfg, knn.get("train_dataloader"), knn.get("test_dataloader"), where="KNNHook", seed=0
        )
        preprocess = build_preprocessor(cfg, None, where="KNNHook")
        for loader in loaders:
            batch = preprocess(next(iter(loader)))
            assert batch["inputs"].shape[1:] == (3, SIZES[images], SIZES[images])
            labels = [int(s.gt_label) for one in loader for s in one["data_samples"]]
            assert labels == [0, 0, 1, 1]


@pytest.mark.parametrize(  # the second one is recommended in its docstring, the third in the docs
    "base",
    [
        "detection/faster_rcnn_r18_bccd.py",
        "cascade_rpn/faster_rcnn_r18_collage.py",
        "detection/faster_rcnn_vit_ti_bccd.py",
    ],
)
def test_the_config_for_own_data_needs_its_first_lines_only(base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for split in ("train", "test set"):
        photos = Path("fruit", f"{split} photos")
        coco(Path("fruit", f"{split} 2.json"), photos, ("kiwi", "fig", "plum"))
    own = ROOT / "configs" / "detection" / "faster_rcnn_r18_own.py"
    changes = {
        '"./faster_rcnn_r18_bccd.py"': f'"{ROOT / "configs" / base}"',
        '"data/own/"': '"fruit/"',
        '("apple", "pear")': '("kiwi", "fig", "plum")',
        '"train.json", data_prefix=dict(img="images/")': (
            '"train 2.json", data_prefix=dict(img="train photos/")'
        ),
        '"val.json", data_prefix=dict(img="images/")': (
            '"test set 2.json", data_prefix=dict(img="test set photos/")'
        ),
        "(512, 384)": "(96, 72)",
    }
    text = own.read_text()
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    Path("mine.py").write_text(text)
    cfg = Config.fromfile("mine.py")
    assert cfg.model.roi_head.bbox_head.num_classes == 3
    with DefaultScope.overwrite_default_scope("mmdet"):
        for split in ("train", "val", "test"):
            loader = dict(cfg[f"{split}_dataloader"], num_workers=0, persistent_workers=False)
            dataset = Runner.build_dataloader(loader, seed=0).dataset
            assert len(dataset) == 3
            assert dataset.metainfo["classes"] == ("kiwi", "fig", "plum")
            objects = dataset[0]["data_samples"].gt_instances
            assert objects.labels.tolist() == [0]
            assert dataset[0]["inputs"].shape == (3, 72, 86)  # from 48x40
            flips = [step.direction for step in dataset.pipeline.transforms if "Flip" in str(step)]
            assert flips == ["horizontal"] * (split == "train")
        for split in ("val", "test"):
            assert Evaluator(cfg[f"{split}_evaluator"]).metrics[0]._coco_api.getCatIds()


def check(batch, labelled):
    images = batch["inputs"]
    if isinstance(images, dict):
        images = split_images(**images)
    assert len(images) == len(batch["data_samples"]) == 2
    for image, sample in zip(images, batch["data_samples"]):
        assert image.dtype == torch.uint8
        assert image.shape[0] == 3
        kinds = {"gt_label", "gt_instances", "gt_sem_seg"} & set(sample.keys())
        assert len(kinds) == labelled
        if "gt_instances" in sample:
            assert len(sample.gt_instances) >= 1
