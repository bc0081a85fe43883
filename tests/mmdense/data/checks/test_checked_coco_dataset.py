import json

import mmdense  # noqa: F401

# isort: split
import pytest
from mmdet.datasets import CocoDataset
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS as MMENGINE_DATASETS

from mmdense.data.checks.checked_coco_dataset import CheckedCocoDataset

CLASSES = dict(classes=("cat", "dog"))


def coco(objects=2):
    return dict(
        images=[dict(id=i, file_name=f"{i}.jpg", width=100, height=80) for i in range(3)],
        annotations=[
            dict(id=i, image_id=i, category_id=1 + i, bbox=[0, 0, 9, 9], area=81, iscrowd=0)
            for i in range(objects)
        ],
        categories=[dict(id=1, name="cat"), dict(id=2, name="dog")],
    )


def build(tmp_path, content, kind="mmdense.CheckedCocoDataset", **options):
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "a.json").write_text(text)
    options = dict(metainfo=CLASSES, data_prefix=dict(img="images/")) | options
    return MMENGINE_DATASETS.build(
        dict(type=kind, data_root=str(tmp_path), ann_file="a.json", **options)
    )


def test_records_equal_those_of_mmdetection(tmp_path):
    ours = build(tmp_path, coco(), filter_cfg=dict(filter_empty_gt=True))
    upstream = build(tmp_path, coco(), CocoDataset, filter_cfg=dict(filter_empty_gt=True))
    assert len(ours) == len(upstream) == 2
    assert [ours.get_data_info(i) for i in range(2)] == [
        upstream.get_data_info(i) for i in range(2)
    ]
    assert ours.get_data_info(0)["img_path"] == str(tmp_path / "images/0.jpg")


def test_the_error_lists_the_first_ten_errors(tmp_path):
    content = coco()
    content["annotations"] += [
        dict(content["annotations"][0], id=i, bbox=[0, 0, -9, 9]) for i in range(5, 17)
    ]
    with pytest.raises(ValueError, match=r"a\.json has 12 errors") as error:
        build(tmp_path, content)
    lines = str(error.value).splitlines()
    assert len(lines) == 11
    assert "annotation id 5 of image id 0 (annotations[2]): bbox: [0.0, 0.0, -9.0" in lines[1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"a\.json"),
        (json.dumps(coco())[:150], r"a\.json, line 1, column \d+"),
        (dict(coco(), images=[dict(id=0)]), "id 0 .*width: is missing"),
    ],
)
def test_an_unreadable_file_is_an_error(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        build(tmp_path, content)
    with pytest.raises(FileNotFoundError, match=r"gone\.json"):
        CheckedCocoDataset(data_root=str(tmp_path), ann_file="gone.json")


def test_notes_are_logged_and_no_error(tmp_path, caplog):
    content = coco()
    content["annotations"][0]["bbox"] = [0, 0, 9, 0]
    logger = MMLogger.get_instance("checked_coco_dataset_test")
    logger.addHandler(caplog.handler)
    try:
        assert len(build(tmp_path, content)) == 3
    finally:
        logger.removeHandler(caplog.handler)
    assert "a.json: bbox: 1 " in caplog.text


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (dict(pipeline=[dict(type="mmdet.LoadAnnotations", with_mask=True)]), "segmentation"),
        (dict(test_mode=True), "iscrowd"),
        (dict(), None),
    ],
)
def test_the_checks_follow_the_pipeline_and_test_mode(tmp_path, options, field):
    content = coco()
    for annotation in content["annotations"]:
        del annotation["iscrowd"]
    if field is None:
        build(tmp_path, content, **options)
    else:
        with pytest.raises(ValueError, match=rf"2 errors(.|\n)*{field}: is missing"):
            build(tmp_path, content, **options)


def test_a_filter_that_removes_all_images_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"filter_cfg={'min_size': 500}.* 3 images"):
        build(tmp_path, coco(), filter_cfg=dict(min_size=500))
