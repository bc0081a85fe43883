import json

import mmdense  # noqa: F401

# isort: split
import numpy as np
import pytest
from mmengine.config import ConfigDict
from PIL import Image

from mmdense.data.checks.dataset import check_dataset

LOAD = dict(type="mmdense.LoadImage")


def write_image(path, size=(6, 4), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (9, 8, 7)).save(path, **options)
    return path


def check(type, root, **options):
    return check_dataset(ConfigDict(type=type, data_root=str(root), **options))


def shown(findings):
    return [f"{finding.level}: {finding}" for finding in findings]


def folders(root, **options):
    return check("mmpretrain.CustomDataset", root, pipeline=[LOAD], **options)


def test_folders_of_classes(tmp_path):
    for name in ("cat/0.jpg", "cat/1.png", "dog/0.jpg"):
        write_image(tmp_path / name)
    assert folders(tmp_path) == []
    broken = tmp_path / "dog/1.jpg"
    broken.write_bytes((tmp_path / "dog/0.jpg").read_bytes()[:-20])
    (tmp_path / "cow").mkdir()
    empty, cut = shown(folders(tmp_path))
    assert empty.startswith(f"error: {tmp_path}: dataset: ")
    assert str(tmp_path / "cow") in empty
    assert cut.startswith(f"error: {broken}: image: ")


@pytest.mark.parametrize("with_label", [True, False])
def test_an_empty_folder_and_a_missing_one(tmp_path, with_label):
    for root in (tmp_path, tmp_path / "gone"):
        [finding] = folders(root, with_label=with_label)
        assert finding.level == "error"
        assert str(root) in str(finding)
    (tmp_path / "list.txt").write_text("gone.jpg 0\n")
    [finding] = shown(folders(tmp_path, ann_file="list.txt"))
    assert "gone.jpg: image: " in finding
    (tmp_path / "images").mkdir()
    prefix = dict(img_path="images", seg_map_path="maps")
    [finding] = check("mmseg.BaseSegDataset", tmp_path, data_prefix=prefix, pipeline=[LOAD])
    assert finding.level == "error"
    assert str(tmp_path / "images") in finding.problem


def coco(tmp_path, **change):
    write_image(tmp_path / "images/0.jpg")
    content = dict(
        images=[dict(id=0, file_name="0.jpg", width=6, height=4)],
        annotations=[
            dict(id=0, image_id=0, category_id=1, bbox=[0, 0, 3, 3], area=9, iscrowd=0),
        ],
        categories=[dict(id=1, name="cat")],
    )
    content.update(change)
    (tmp_path / "a.json").write_text(json.dumps(content))
    return dict(
        ann_file="a.json",
        data_prefix=dict(img="images"),
        metainfo=dict(classes=("cat",)),
        pipeline=[LOAD],
    )


@pytest.mark.parametrize("kind", ["mmdet.CocoDataset", "mmdense.CheckedCocoDataset"])
def test_coco_annotations_headers_and_images(tmp_path, kind):
    options = coco(tmp_path)
    assert check(kind, tmp_path, **options) == []
    content = (tmp_path / "images/0.jpg").read_bytes()
    (tmp_path / "images/0.jpg").write_bytes(content[:-4])  # the header is intact
    options = coco(tmp_path / "b", images=[dict(id=0, file_name="0.jpg", width=5, height=4)])
    (tmp_path / "b/images/0.jpg").write_bytes(content[:-4])
    size, cut = shown(check(kind, tmp_path / "b", **options))
    assert "image id 0 (images[0]): width, height: 5x4, but " in size
    assert "images/0.jpg: image: " in cut


def test_coco_annotations_that_mmdetection_cannot_read(tmp_path):
    options = coco(tmp_path, annotations=[dict(id=0)])
    found = shown(check("mmdet.CocoDataset", tmp_path, **options))
    assert len(found) == 4  # image_id, category_id, bbox and area
    for text in ("", '{"images": ['):
        (tmp_path / "a.json").write_text(text)
        [finding] = shown(check("mmdet.CocoDataset", tmp_path, **options))
        assert "a.json" in finding
        assert ("line 1, column" in finding) == bool(text)


def segmentation(tmp_path, values, size=(6, 4), **options):
    write_image(tmp_path / "images/0.jpg", size)
    path = tmp_path / "maps/0.png"
    path.parent.mkdir(exist_ok=True)
    if isinstance(values, bytes):
        path.write_bytes(values)
    elif values is not None:
        Image.fromarray(values).save(path)
    return check(
        "mmseg.BaseSegDataset",
        tmp_path,
        data_prefix=dict(img_path="images", seg_map_path="maps"),
        metainfo=dict(classes=("road", "sky", "tree")),
        pipeline=[LOAD],
        **options,
    )


def labels(*values, kind=np.uint8):
    return np.resize(np.array(values, kind), (4, 6))


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (labels(0, 1, 2, 255), {}),
        (labels(0, 1, 2, 3, 255), dict(reduce_zero_label=True)),
        (labels(0, 1, 2, 9), dict(ignore_index=9)),
        (labels(0, 1, kind=bool), {}),
    ],
)
def test_a_valid_map(tmp_path, values, options):
    assert segmentation(tmp_path, values, **options) == []


@pytest.mark.parametrize(
    ("values", "options", "problem"),
    [
        (labels(0, 3, 254), {}, "labels 3, 254"),
        (labels(0, 4), dict(reduce_zero_label=True), "labels 4"),
        (labels(0, 254), dict(reduce_zero_label=True), "labels 254"),
        (labels(0, 258, kind=np.uint16), {}, "labels 258"),  # 2 in eight bits
        (np.zeros((4, 7), np.uint8), {}, "7x4"),
        (np.zeros((4, 6, 3), np.uint8), {}, "(4, 6, 3)"),
        (None, {}, "no such file"),
        (b"", {}, "(cannot identify"),
        (b"\x89PNG\r\n\x1a\n", {}, "cannot be read ("),
    ],
)
def test_a_wrong_map(tmp_path, values, options, problem):
    [finding] = segmentation(tmp_path, values, **options)
    assert (finding.level, finding.field) == ("error", "map")
    assert finding.file == str(tmp_path / "maps/0.png")
    assert problem in finding.problem


def test_data_sets_inside_wrappers_are_checked(tmp_path):
    (tmp_path / "a").mkdir()
    write_image(tmp_path / "b/0.jpg")
    inner = [
        dict(type="mmpretrain.CustomDataset", data_root=str(tmp_path / name), with_label=False)
        for name in ("a", "b")
    ]
    skip = dict(type="mmdense.SkipBroken", dataset=inner[0])
    [finding] = check_dataset(
        ConfigDict(type="ConcatDataset", datasets=[skip, inner[1]]), workers=2
    )
    assert str(tmp_path / "a") in finding.problem


def test_a_data_set_without_files_is_a_note_and_an_unknown_one_an_error(tmp_path):
    for kind, level in (("mmdense.CIFAR10", "note"), ("mmdense.CIFAR11", "error")):
        [finding] = check(kind, tmp_path)
        assert finding.level == level
        assert kind in finding.problem
