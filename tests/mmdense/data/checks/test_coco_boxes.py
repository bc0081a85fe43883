import numpy as np
import pytest

from mmdense.data.checks.coco import check_coco

NAN, INF = float("nan"), float("inf")


def check(evaluation=False, **fields):
    """Return the problems of one object in a 100x80 image that also has a valid object."""
    annotation = dict(id=7, image_id=3, category_id=1, bbox=[10, 10, 20, 20], area=400, iscrowd=0)
    annotation.update(fields)
    annotation = {name: value for name, value in annotation.items() if value is not ...}
    coco = dict(
        images=[dict(id=3, file_name="a.jpg", width=100, height=80)],
        annotations=[
            dict(id=1, image_id=3, category_id=1, bbox=[0, 0, 9, 9], area=81, iscrowd=0),
            annotation,
        ],
        categories=[dict(id=1, name="cat")],
    )
    return check_coco(coco, "a.json", evaluation=evaluation)


@pytest.mark.parametrize(
    ("box", "level", "problem"),
    [
        ([10, 10, 20], "error", "is [10, 10, 20]"),
        ([10, 10, 20, 20, 1], "error", "is [10, 10, 20, 20, 1]"),
        ([], "error", "is []"),
        (None, "error", "is None"),
        ("1 2 3 4", "error", "is '1 2 3 4'"),
        ([10, 10, "20", 20], "error", "is [10, 10, '20', 20]"),
        ([10, 10, None, 20], "error", "is [10, 10, None, 20]"),
        ([[10], 10, 20, 20], "error", "is [[10], 10, 20, 20]"),
        ([NAN, 10, 20, 20], "error", "is [nan, 10, 20, 20]"),
        ([10, 10, INF, 20], "error", "is [10, 10, inf, 20]"),
        ([10, 10, -20, 20], "error", "has a negative width or height"),
        ([10, 10, 20, -1e-3], "error", "has a negative width or height"),
        ([10, 10, 0, 20], "note", "[10.0, 10.0, 0.0, 20.0] has"),
        ([10, 10, 20, 0.0], "note", "[10.0, 10.0, 20.0, 0.0] has"),
        ([10, 10, 20, 0.5], "note", "[10.0, 10.0, 20.0, 0.5] has"),
        ([100, 10, 20, 20], "error", "is 100% outside a.jpg, 100x80"),
        ([-30, 10, 20, 20], "error", "is 100% outside a.jpg, 100x80"),
        # x from 40 to 140: 60 of 100 pixels inside; y from 20 to 100: 60 of 80. 45 % inside.
        ([40, 20, 100, 80], "error", "is 55% outside a.jpg, 100x80"),
        # x from 90 to 110: half inside, which is still a note.
        ([90, 10, 20, 20], "note", "is 50% outside a.jpg, 100x80"),
        ([-3, 10, 20, 20], "note", "is 15% outside a.jpg, 100x80"),
    ],
)
def test_a_wrong_box(box, level, problem):
    [finding] = check(bbox=box)
    assert (finding.level, finding.field, finding.file) == (level, "bbox", "a.json")
    assert finding.where == "annotation id 7 of image id 3 (annotations[1])"
    assert problem in finding.problem


@pytest.mark.parametrize("box", [[0, 0, 100, 80], [-1, -0.5, 101, 81], [99, 79, 1, 1]])
def test_a_box_at_the_border_is_valid(box):
    assert check(bbox=box) == []


@pytest.mark.parametrize(
    ("fields", "field", "problem"),
    [
        (dict(category_id=2), "category_id", "2 is not in categories"),
        (dict(category_id="1"), "category_id", "'1' is not in categories"),
        (dict(category_id=None), "category_id", "None is not in categories"),
        (dict(category_id=[1]), "category_id", "[1] is not in categories"),
        (dict(image_id=4), "image_id", "4 is not in images"),
        (dict(image_id="3"), "image_id", "'3' is not in images"),
        (dict(image_id={}), "image_id", "{} is not in images"),
        (dict(iscrowd=2), "iscrowd", "is 2"),
        (dict(iscrowd="0"), "iscrowd", "is '0'"),
        (dict(iscrowd=None), "iscrowd", "is None"),
        (dict(area=0), "area", "is 0"),
        (dict(area=-4.0), "area", "is -4.0"),
        (dict(area=NAN), "area", "is nan"),
        (dict(area=INF), "area", "is inf"),
        (dict(area="400"), "area", "is '400'"),
        (dict(area=...), "area", "is missing"),
    ],
)
def test_a_wrong_field(fields, field, problem):
    [finding] = check(**fields)
    assert (finding.level, finding.field, finding.problem) == ("error", field, problem)


def test_an_empty_box_with_an_area_of_0_is_one_note():
    # As in COCO's train2017, where MMDetection skips such objects because of the box.
    [finding] = check(bbox=[10, 10, 20, 0], area=0.0)
    assert (finding.level, finding.field) == ("note", "bbox")


def test_evaluation_needs_iscrowd():
    assert check(iscrowd=...) == []
    [finding] = check(iscrowd=..., evaluation=True)
    assert (finding.level, finding.field, finding.problem) == ("error", "iscrowd", "is missing")


def test_random_boxes_agree_with_a_loop():
    rng = np.random.default_rng(0)
    boxes = rng.uniform(-40, 140, (300, 4)).round(1)
    images = [dict(id=i, file_name=f"{i}.jpg", width=60 + i, height=50) for i in range(5)]
    annotations = [
        dict(id=i, image_id=i % 5, category_id=1, bbox=box.tolist(), area=1, iscrowd=0)
        for i, box in enumerate(boxes)
    ]
    found = check_coco(
        dict(images=images, annotations=annotations, categories=[dict(id=1, name="cat")]), "a.json"
    )
    levels = {}
    for finding in found:
        levels.setdefault(int(finding.where.split()[2]), []).append(finding.level)
    for i, (x, y, w, h) in enumerate(boxes):
        width, height = 60 + i % 5, 50
        expected = []
        if min(w, h) < 0:
            expected.append("error")
        elif min(w, h) < 1:
            expected.append("note")
        if min(w, h) > 0:
            inside = max(min(x + w, width) - max(x, 0), 0) * max(min(y + h, height) - max(y, 0), 0)
            if inside / (w * h) < 0.5:
                expected.append("error")
            elif max(-x, -y, x + w - width, y + h - height) > 1:
                expected.append("note")
        assert levels.get(i, []) == expected
