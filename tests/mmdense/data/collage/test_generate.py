import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

import mmdense  # noqa: F401  (lets MMDetection and others import without compiled operators)
from mmdense.data.collage import generate as collage

CONFIGS = Path(__file__).resolve().parents[4] / "configs" / "_base_" / "datasets"
NANO = collage.Size((64, 48), (4, 2, 2), 6, 24, (10, 10, 10), 6, 32)


@pytest.fixture
def nano(monkeypatch):
    monkeypatch.setitem(collage.SIZES, "nano", NANO)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return collage.ensure("tiny", tmp_path_factory.mktemp("data"), workers=2)


def test_layout_and_counts(tiny):
    size = collage.SIZES["tiny"]
    for split, scenes, portraits in zip(collage.SPLITS, size.scenes, size.portraits):
        assert len(list((tiny / "images" / split).glob("*.jpg"))) == scenes
        assert len(list((tiny / "semantic" / split).glob("*.png"))) == scenes
        for name in collage.CLASSES:
            folder = tiny / "classification" / split / name
            assert len(list(folder.glob("*.jpg"))) == portraits // 10
    assert len(list((tiny / "unlabelled").iterdir())) == size.unlabelled
    card = json.loads((tiny / "collage.json").read_text())
    assert card["sha256"] == collage.digest(tiny)
    assert (card["size"], card["seed"], card["version"]) == ("tiny", 0, collage.VERSION)
    images = [path.read_bytes() for path in tiny.rglob("*.jpg")]
    assert len(set(images)) == len(images)
    document = json.loads((tiny / "annotations" / "instances_train.json").read_text())
    width, height = size.scene
    sizes = {(image["width"], image["height"]) for image in document["images"]}
    assert len(sizes) > 5
    assert all(0.87 * width <= w <= width and 0.87 * height <= h <= height for w, h in sizes)


@pytest.mark.parametrize("split", collage.SPLITS)
def test_annotations_describe_the_files(tiny, split):
    coco = COCO(tiny / "annotations" / f"instances_{split}.json")
    assert [c["name"] for c in coco.loadCats(coco.getCatIds())] == list(collage.CLASSES)
    for image in coco.loadImgs(coco.getImgIds()):
        pixels = cv2.imread(str(tiny / "images" / split / image["file_name"]))
        assert pixels.shape == (image["height"], image["width"], 3)
        stem = Path(image["file_name"]).stem
        semantic = cv2.imread(str(tiny / "semantic" / split / f"{stem}.png"), cv2.IMREAD_UNCHANGED)
        assert semantic.shape == pixels.shape[:2]
        expected = np.zeros(semantic.shape, np.uint8)
        for item in coco.loadAnns(coco.getAnnIds(image["id"])):
            mask = coco_mask.decode(coco.annToRLE(item)).astype(bool)
            assert mask.sum() == item["area"]
            expected[mask] = 255 if item["iscrowd"] else item["category_id"]
        certain = semantic != 255
        np.testing.assert_array_equal(semantic[certain], expected[certain])


def test_same_bytes_with_any_number_of_workers(nano, tmp_path):
    one, two = (collage.ensure("nano", tmp_path / str(n), workers=n) for n in (1, 2))
    assert collage.digest(one) == collage.digest(two)
    assert (one / "collage.json").read_bytes() == (two / "collage.json").read_bytes()
    other = collage.ensure("nano", tmp_path / "1", seed=1, workers=1)
    assert collage.digest(one) != collage.digest(other)
    assert (tmp_path / "1" / "collage" / "nano").resolve() == one.resolve()
    assert (tmp_path / "1" / "collage" / "nano-seed1").resolve() == other.resolve()


def test_same_bytes_in_any_order(nano, tmp_path):
    """Images that are drawn alone and in reverse order equal those of the set."""
    whole = collage.ensure("nano", tmp_path, workers=1)
    jobs = collage._plan(tmp_path / "alone", NANO, seed=0)
    for job in reversed(jobs):
        collage._draw(job)
    drawn = [path for path in whole.rglob("*") if path.suffix in (".jpg", ".png")]
    assert len(drawn) == len(jobs) + sum(NANO.scenes)
    for path in drawn:
        alone = tmp_path / "alone" / path.relative_to(whole)
        assert alone.read_bytes() == path.read_bytes()


def test_an_existing_set_is_not_generated_again_and_a_wrong_link_is_replaced(
    nano, tmp_path, monkeypatch
):
    place = collage.ensure("nano", tmp_path, workers=1)
    monkeypatch.setattr(collage, "run_all", None)
    link = tmp_path / "collage" / "nano"
    link.unlink()
    link.symlink_to("elsewhere")
    assert collage.ensure("nano", tmp_path) == place
    assert link.resolve() == place.resolve()


def test_a_failed_link_is_reported_with_the_path_of_the_set(nano, tmp_path, capsys):
    (tmp_path / "collage" / "nano" / "mine").mkdir(parents=True)
    place = collage.ensure("nano", tmp_path, workers=1)
    assert str(place) in capsys.readouterr().err
    assert (tmp_path / "collage" / "nano" / "mine").is_dir()
    assert sorted(p.name for p in place.parent.iterdir() if ".link" in p.name) == []


def test_errors_name_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match="'huge'.*tiny, small"):
        collage.ensure("huge", tmp_path)
    with pytest.raises(ValueError, match="workers.*0"):
        collage.ensure("tiny", tmp_path, workers=0)
    assert not list(tmp_path.iterdir())


def test_the_error_names_an_image_that_cannot_be_written(tmp_path):
    with pytest.raises(OSError, match=r"missing/a\.jpg"):
        collage._write_image(tmp_path / "missing" / "a.jpg", np.zeros((4, 4, 3), np.uint8))


def test_configs_have_the_classes_and_colours():
    meta = Config.fromfile(CONFIGS / "collage_detection.py").metainfo
    assert tuple(meta.classes) == collage.CLASSES
    assert [tuple(c) for c in meta.palette] == collage.PALETTE
    meta = Config.fromfile(CONFIGS / "collage_semantic.py").metainfo
    assert tuple(meta.classes) == collage.SEMANTIC_CLASSES
    assert [tuple(c) for c in meta.palette] == collage.SEMANTIC_PALETTE
