import json

import cv2
import mmdet.datasets  # noqa: F401
import mmpretrain.datasets  # noqa: F401
import mmseg.datasets  # noqa: F401
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmdense.visual.model_inputs import ClassList, read_inputs

NORMAL = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
LOADER = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
)
LOAD = dict(type="LoadImageFromFile")


@pytest.fixture(autouse=True)
def scope():
    """The default scope is global; each test sets its own."""
    with DefaultScope.overwrite_default_scope("mmengine"):
        yield


def config(scope, preprocessor, dataset, split="train", **loader):
    return Config(
        {
            "default_scope": scope,
            "randomness": dict(seed=0),
            "model": dict(data_preprocessor=preprocessor),
            f"{split}_dataloader": {**LOADER, "dataset": dataset, **loader},
        }
    )


def write(path, rgb):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), rgb[..., ::-1] if rgb.ndim == 3 else rgb)
    return rgb


def noise(seed, height=10, width=12):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def folder_of_classes(root, **more):
    """Config of the images in a folder, loaded and packed only."""
    pack = dict(type="mmpretrain.PackInputs")
    kind = dict(type="mmpretrain.CustomDataset", data_root=str(root))
    return {**kind, "pipeline": [LOAD, pack], **more}


def test_classes_without_names_and_colours():
    classes = ClassList(names=("a",), palette=((1, 2, 3),))
    assert (classes.name(0), classes.name(5)) == ("a", "class 5")
    assert len({classes.colour(number) for number in range(40)}) == 40


# Classification


@pytest.mark.parametrize("to_rgb", [True, False])
@pytest.mark.parametrize("collate", ["default_collate", "pseudo_collate"])
def test_an_image_is_that_of_its_file_again(tmp_path, to_rgb, collate):
    images = [write(tmp_path / "ab"[i % 2] / f"{i}.png", noise(i)) for i in range(3)]
    dataset = folder_of_classes(tmp_path)
    preprocessor = dict(type="mmpretrain.ClsDataPreprocessor", to_rgb=to_rgb, **NORMAL)
    cfg = config("mmpretrain", preprocessor, dataset, collate_fn=dict(type=collate))
    found, classes, total = read_inputs(cfg, "train", 12)
    assert (len(found), total, classes.names) == (3, 3, ("a", "b"))
    # MMPretrain sorts by class: 0 and 2 of a, then 1 of b.
    for image, index in zip(found, (0, 2, 1)):
        assert (image.views[0] == images[index]).all()
        assert image.path.endswith(f"{index}.png")
        assert image.scores == {index % 2: 1.0}
    assert len(read_inputs(cfg, "train", 1)[0]) == 1


def test_mixed_images_have_weighted_classes(tmp_path):
    for index in range(2):
        write(tmp_path / "ab"[index] / "x.png", np.full((8, 8, 3), 100 * index, np.uint8))
    dataset = folder_of_classes(tmp_path)
    # Without a type, the preprocessor is that of the model.
    cfg = config("mmpretrain", dict(num_classes=2, **NORMAL), dataset, batch_size=2)
    cfg.model.type = "ImageClassifier"
    cfg.model.train_cfg = dict(augments=dict(type="Mixup", alpha=1.0))
    cfg.train_dataloader.collate_fn = dict(type="default_collate")
    (first, second), _, _ = read_inputs(cfg, "train", 2)
    share = first.scores[1]  # of the image of 100
    assert 0 < share < 1
    assert first.scores[0] == pytest.approx(1 - share)
    assert first.views[0] == pytest.approx(round(100 * share), abs=1)
    assert second.views[0] == pytest.approx(round(100 * (1 - share)), abs=1)


# Several views


def test_all_views_of_a_multi_view_preprocessor_are_shown(tmp_path):
    write(tmp_path / "x.png", np.full((16, 16, 3), (200, 100, 50), np.uint8))
    dataset = folder_of_classes(tmp_path, with_label=False)
    plain = dict(jitter_prob=0.0, gray_prob=0.0, blur_prob=0.0)
    preprocessor = dict(
        type="mmdense.MultiViewPreprocessor",
        views=[dict(num=2, size=[6, 8]), dict(size=5)],
        common=plain,
        to_rgb=True,
        **NORMAL,
    )
    cfg = config("mmpretrain", preprocessor, dataset, collate_fn=dict(type="default_collate"))
    cfg.val_dataloader = cfg.train_dataloader
    image = read_inputs(cfg, "train", 1)[0][0]
    assert [view.shape for view in image.views] == [(6, 8, 3), (6, 8, 3), (5, 5, 3)]
    for view in image.views:  # a crop of one colour has that colour
        assert (view == (200, 100, 50)).all()
    image = read_inputs(cfg, "val", 1)[0][0]
    assert [view.shape for view in image.views] == [(16, 16, 3)]
    assert (image.views[0] == (200, 100, 50)).all()


def test_views_of_mmpretrains_transform_are_shown(tmp_path):
    write(tmp_path / "x.png", pixels := noise(0))
    views = dict(
        type="mmpretrain.MultiView",
        num_views=[1, 1],
        transforms=[[dict(type="RandomFlip", prob=p, direction="horizontal")] for p in (0.0, 1.0)],
    )
    dataset = folder_of_classes(tmp_path, with_label=False)
    dataset["pipeline"].insert(1, views)
    cfg = config("mmpretrain", dict(to_rgb=True, **NORMAL), dataset)
    cfg.model.type = "SimSiam"
    cfg.train_dataloader.collate_fn = dict(type="default_collate")
    (image,) = read_inputs(cfg, "train", 1)[0]
    assert (image.views[0] == pixels).all()
    assert (image.views[1] == pixels[:, ::-1]).all()


# Detection


def coco(folder, *, crowd=False):
    """Black, 80x40, with a red rectangle at x 10 to 30 and y 4 to 20 (and a crowd beside it)."""
    rgb = np.zeros((40, 80, 3), np.uint8)
    rgb[4:20, 10:30] = (255, 0, 0)
    write(folder / "x.png", rgb)
    box = dict(id=1, image_id=1, category_id=7, bbox=[10, 4, 20, 16], area=320, iscrowd=0)
    box["segmentation"] = [[10, 4, 30, 4, 30, 20, 10, 20]]
    annotations = [box]
    if crowd:
        annotations.append(dict(box, id=2, bbox=[40, 10, 20, 20], iscrowd=1))
    document = dict(
        images=[dict(id=1, file_name="x.png", width=80, height=40)],
        annotations=annotations,
        categories=[dict(id=7, name="rectangle")],
    )
    (folder / "x.json").write_text(json.dumps(document))
    return dict(
        type="mmdet.CocoDataset",
        data_root=str(folder),
        ann_file="x.json",
        data_prefix=dict(img=""),
        metainfo=dict(classes=("rectangle",), palette=[(1, 2, 3)]),
    )


ANNOTATE = dict(type="mmdet.LoadAnnotations", with_bbox=True, with_mask=True)
HALF = dict(type="mmdet.Resize", scale=(40, 20), keep_ratio=True)
FLIP = dict(type="mmdet.RandomFlip", prob=1.0)


@pytest.mark.parametrize(
    ("steps", "box"),
    [
        ([ANNOTATE], [10, 4, 30, 20]),
        ([ANNOTATE, HALF], [5, 2, 15, 10]),
        ([ANNOTATE, HALF, FLIP], [25, 2, 35, 10]),  # 40 - 15 and 40 - 5
        ([HALF, ANNOTATE], [5, 2, 15, 10]),  # the truth in pixels of the file
    ],
)
@pytest.mark.parametrize("bgr_to_rgb", [True, False])
def test_boxes_and_masks_lie_on_their_objects(tmp_path, steps, box, bgr_to_rgb):
    keys = ("img_path", "img_shape", "scale_factor")
    pack = dict(type="mmdet.PackDetInputs", meta_keys=keys)
    dataset = dict(coco(tmp_path, crowd=True), pipeline=[LOAD, *steps, pack])
    preprocessor = dict(
        type="mmdet.DetDataPreprocessor",
        bgr_to_rgb=bgr_to_rgb,
        pad_size_divisor=32,
        pad_mask=True,
        **NORMAL,
    )
    split = "val" if steps[0] is HALF else "train"
    cfg = config("mmdet", preprocessor, dataset, split)
    found, classes, _ = read_inputs(cfg, split, 5)
    (image,) = found
    height, width = image.views[0].shape[:2]
    assert (height, width) == ((32, 64) if HALF in steps else (64, 96))
    assert image.boxes.tolist() == [box]
    assert image.labels.tolist() == [0]
    assert (classes.name(0), classes.colour(0)) == ("rectangle", (1, 2, 3))
    x1, y1, x2, y2 = box
    inside = image.views[0][y1 + 1 : y2 - 1, x1 + 1 : x2 - 1]
    assert (inside == (255, 0, 0)).all()
    expected = np.zeros((height, width), bool)
    expected[y1:y2, x1:x2] = True
    assert image.masks.shape == (1, height, width)
    assert (image.masks[0] ^ expected).sum() <= y2 - y1  # a polygon's edge may miss a column
    crowd = np.array([40, 10, 60, 30]) / (2 if HALF in steps else 1)
    if FLIP in steps:
        crowd[[0, 2]] = 40 - crowd[[2, 0]]
    assert image.ignored.tolist() == [crowd.tolist()]


# Segmentation


def segments(folder):
    """Left half class 0, right half class 1, and the lowest row ignored; 16x8."""
    write(folder / "images" / "x.png", noise(0, 8, 16))
    classes = np.zeros((8, 16), np.uint8)
    classes[:, 8:] = 1
    classes[7] = 255
    write(folder / "maps" / "x.png", classes)
    return dict(
        type="mmseg.BaseSegDataset",
        data_root=str(folder),
        data_prefix=dict(img_path="images", seg_map_path="maps"),
        img_suffix=".png",
        metainfo=dict(classes=("left", "right"), palette=[(0, 0, 255), (0, 255, 0)]),
    ), classes


def test_a_map_is_flipped_and_padded_with_its_image(tmp_path):
    dataset, classes = segments(tmp_path)
    dataset["pipeline"] = [
        LOAD,
        dict(type="mmseg.LoadAnnotations"),
        dict(type="RandomFlip", prob=1.0),
        dict(type="mmseg.PackSegInputs"),
    ]
    preprocessor = dict(type="mmseg.SegDataPreProcessor", size=(12, 16), bgr_to_rgb=True, **NORMAL)
    found, names, _ = read_inputs(config("mmseg", preprocessor, dataset), "train", 1)
    (image,) = found
    assert (image.views[0][:8] == noise(0, 8, 16)[:, ::-1]).all()
    assert (image.semantic[:8] == classes[:, ::-1]).all()
    assert (image.semantic[8:] == 255).all()
    assert names.names == ("left", "right")
    assert names.ignore_index == 255


def test_a_map_in_the_size_of_the_file_is_brought_to_that_of_the_image(tmp_path):
    dataset, classes = segments(tmp_path)
    dataset["pipeline"] = [
        LOAD,
        dict(type="Resize", scale=(32, 16)),
        dict(type="mmseg.LoadAnnotations"),
        dict(type="mmseg.PackSegInputs"),
    ]
    preprocessor = dict(type="mmseg.SegDataPreProcessor", bgr_to_rgb=True, **NORMAL)
    cfg = config("mmseg", preprocessor, dataset, split="val")
    (image,) = read_inputs(cfg, "val", 1)[0]
    assert image.views[0].shape == (16, 32, 3)
    assert (image.semantic == classes.repeat(2, axis=0).repeat(2, axis=1)).all()


# What can be wrong


def test_what_a_config_lacks_is_named(tmp_path):
    dataset = dict(type="mmpretrain.CustomDataset", data_root=str(tmp_path))
    cfg = config("mmpretrain", None, dataset)
    with pytest.raises(ValueError, match="has no val_dataloader"):
        read_inputs(cfg, "val", 1)
    with pytest.raises(ValueError, match="neither data_preprocessor"):
        read_inputs(cfg, "train", 1)
    with pytest.raises(ValueError, match="count must be at least 1"):
        read_inputs(cfg, "train", 0)


def test_a_set_that_is_smaller_than_its_batch_is_named(tmp_path):
    write(tmp_path / "x.png", noise(0))
    dataset = folder_of_classes(tmp_path, with_label=False)
    cfg = config("mmpretrain", dict(**NORMAL), dataset, drop_last=True)
    with pytest.raises(ValueError, match="no batch: 1 images, batch_size=2, drop_last=True"):
        read_inputs(cfg, "train", 1)
