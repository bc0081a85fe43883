import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmdet.models.detectors import RPN
from mmengine.registry import METRICS
from torch import nn

from mmdense.evaluation import proposal_recall
from mmdense.evaluation.proposal_recall import ProposalRecall, proposing_head, read_objects
from tests.mmdense.evaluation.test_recall import AREAS, BUDGETS, coco_recall, random_set


@pytest.fixture
def logged(monkeypatch):
    lines = []
    monkeypatch.setattr(proposal_recall, "print_log", lambda text, *_: lines.append(text))
    return lines


def write(folder, content):
    path = folder / "truth.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def sample(image, boxes, scores, **meta):
    """A prediction of boxes x1, y1, x2, y2."""
    found = {
        "bboxes": torch.as_tensor(boxes).reshape(-1, 4),
        "scores": torch.as_tensor(scores),
        "labels": torch.zeros(len(scores), dtype=torch.long),
    }
    return {"img_id": image, "pred_instances": found, **meta}


def samples_of(content, results):
    """Predictions of all images in float64, worst and best mixed."""
    for image in content["images"]:
        own = [one for one in results if one["image_id"] == image["id"]]
        boxes = torch.tensor([one["bbox"] for one in own], dtype=torch.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        scores = [one["score"] for one in own]
        yield sample(image["id"], boxes, scores, ori_shape=(200, 200))


def on_grid(seed):
    """A random set whose boxes are whole numbers, so that corners and sides are both exact."""
    return random_set(seed, on_grid=True)


@pytest.mark.parametrize("seed", range(2))
def test_results_are_those_of_pycocotools(seed, tmp_path):
    content, results = on_grid(seed)
    metric = METRICS.build(
        {
            "type": "mmdense.ProposalRecall",
            "ann_file": write(tmp_path, content),
            "budgets": BUDGETS,
        }
    )
    for one in samples_of(content, results):
        metric.process(None, [one])
    expected = coco_recall(content, results)
    found = metric.evaluate(len(content["images"]))
    names = {name: "" if name == "all" else f"_{name}" for name in AREAS}
    assert found == {
        f"proposals/AR{names[name]}{budget}": np.mean(row)
        for name, of_area in zip(AREAS, expected)
        for budget, row in zip(BUDGETS, of_area)
        if row[0] > -1
    }


def two_images():
    return {
        "images": [{"id": 0}, {"id": 5}],
        "annotations": [
            {"id": 0, "image_id": 0, "category_id": 1, "bbox": [0, 0, 10, 10], "area": 100},
            {"id": 1, "image_id": 5, "category_id": 1, "bbox": [0, 0, 10, 10], "area": 100},
        ],
        "categories": [{"id": 1, "name": "cat"}],
    }


def test_an_image_without_prediction_and_sizes_without_objects(tmp_path, logged):
    metric = ProposalRecall(write(tmp_path, two_images()), budgets=(2,), prefix="of")
    metric.process(None, [sample(0, [[0.0, 0, 10, 10]], [0.5])])
    # One of two objects at each threshold; the id 0 of image and annotation is as good as others.
    assert metric.evaluate(1) == {"of/AR2": 0.5, "of/AR_small2": 0.5}
    assert "1 of 2 images of" in logged[0]
    assert "have no prediction" in logged[0]
    assert "no objects of size medium, large" in logged[1]


def test_boxes_are_sorted_before_the_budget_and_an_image_counts_once(tmp_path):
    metric = ProposalRecall(write(tmp_path, two_images()), budgets=(1,))
    boxes = [[50.0, 50, 60, 60], [0, 0, 10, 10]]
    for _ in range(2):
        metric.process(None, [sample(0, boxes, [0.1, 0.9]), sample(5, boxes, [0.9, 0.1])])
    assert metric.evaluate(2)["proposals/AR1"] == 0.5


def test_curves_are_written(tmp_path):
    path = tmp_path / "made" / "curves.json"
    metric = ProposalRecall(write(tmp_path, two_images()), budgets=(10,), curves=str(path))
    boxes = [[50.0, 50, 60, 60], [0, 0, 10, 10]]
    metric.process(None, [sample(0, boxes, [0.9, 0.1]), sample(5, boxes, [0.1, 0.9])])
    metric.evaluate(2)
    curves = json.loads(path.read_text())
    assert curves["over_iou"]["recall"] == {"all": {"10": [1.0] * 10}, "small": {"10": [1.0] * 10}}
    assert curves["over_proposals"] == {
        "proposals": [1, 2, 5, 10],
        "average_recall": {"all": [0.5, 1.0, 1.0, 1.0], "small": [0.5, 1.0, 1.0, 1.0]},
    }


@pytest.mark.parametrize(
    ("corner", "score"), [(float("nan"), 0.5), (float("inf"), 0.5), (9, float("nan"))]
)
def test_non_finite_predictions_and_unknown_images(corner, score, tmp_path):
    metric = ProposalRecall(write(tmp_path, two_images()))
    bad = sample(5, [[0.0, 0, 10, 10], [0, 0, 10, corner]], [0.5, score])
    with pytest.raises(ValueError, match="1 of 2 boxes or scores of image id 5 are not finite"):
        metric.process(None, [bad])
    with pytest.raises(ValueError, match=r"image a/7\.jpg \(id 7\) is not in .*truth\.json"):
        metric.process(None, [sample(7, [], [], img_path="a/7.jpg")])


def without(content, field):
    del content["annotations"][1][field]
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "has no list of images"),
        (dict(two_images(), categories=None), "has no list of categories"),
        (dict(two_images(), images=[]), "lists no images"),
        (without(two_images(), "area"), r"annotations\[1\] has no area"),
        ("{", "line 1, column 2"),
    ],
)
def test_a_file_in_another_format_and_bad_budgets(content, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        read_objects(write(tmp_path, content))
    with pytest.raises(ValueError, match="budgets must be at least 1"):
        ProposalRecall(write(tmp_path, two_images()), budgets=(0, 100))


def test_annotations_of_unknown_images_and_categories_are_skipped(tmp_path):
    content = two_images()
    content["annotations"][0]["image_id"] = 8
    content["annotations"][1]["category_id"] = 8
    assert [len(one.boxes) for one in read_objects(write(tmp_path, content)).values()] == [0, 0]


def test_the_head_that_makes_proposals():
    head = nn.Identity()
    assert proposing_head(SimpleNamespace(rpn_head=head, bbox_head=None)) is head
    rpn = RPN.__new__(RPN)
    nn.Module.__init__(rpn)
    rpn.bbox_head = nn.Identity()
    assert proposing_head(rpn) is rpn.bbox_head
    with pytest.raises(ValueError, match="Namespace.*no rpn_head"):
        proposing_head(SimpleNamespace(bbox_head=head))  # a head that classifies
