import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmdense.evaluation.recall import (
    AREAS,
    MISSED,
    THRESHOLDS,
    average_recall,
    counted_objects,
    match_objects,
    recall,
    recall_curves,
)

BUDGETS = (1, 5, 20)
CATEGORIES = (7, 1, 3)  # not in order


def random_set(seed, *, on_grid=False, images=6):
    """A COCO file and results: crowds, objects without category order, images without either.

    On a grid many IoUs, scores and areas are equal, and some IoUs are 1.
    """
    rng = np.random.default_rng(seed)
    annotations, results = [], []
    for image in range(images):
        own = []
        for _ in range(0 if image == 0 else rng.integers(9)):
            sides = np.exp(rng.uniform(1.5, 5.5, 2))
            corner = rng.uniform(0, 200, 2)
            if on_grid:
                sides, corner = np.round(sides / 16) * 16 + 16, np.round(corner / 32) * 32
            own.append([*corner.tolist(), *sides.tolist()])
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": int(rng.choice(CATEGORIES)),
                    "bbox": own[-1],
                    "area": float(sides.prod() * rng.choice([1, 0.7])),
                    "iscrowd": int(rng.random() < 0.2),
                }
            )
        for _ in range(0 if image == 1 else rng.integers(60)):
            box = np.array([*rng.uniform(0, 200, 2), *np.exp(rng.uniform(1.5, 5, 2))])
            if own and rng.random() < 0.8:
                box = np.array(own[rng.integers(len(own))])
                box += rng.choice([0, 0.06]) * rng.normal(size=4) * box[[2, 3, 2, 3]]
            if on_grid:
                box = np.maximum(np.round(box / 8) * 8, 8)
            score = float(np.round(rng.random(), 1))
            results.append(
                {"image_id": image, "category_id": 1, "bbox": box.tolist(), "score": score}
            )
    content = {
        "images": [{"id": image} for image in range(images)],
        "annotations": annotations,
        "categories": [{"id": number, "name": str(number)} for number in CATEGORIES],
    }
    return content, results


def coco_recall(content, results, budgets=BUDGETS):
    """Recall of pycocotools without categories, -1 where there are no objects: [A, B, T]."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = content
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.params.useCats = 0
        evaluation.params.maxDets = list(budgets)
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["recall"][:, 0].transpose(1, 2, 0)


def match_all(content, results):
    """Places and counted objects of all images."""
    places, counted = [], []
    for image in content["images"]:
        objects = [one for one in content["annotations"] if one["image_id"] == image["id"]]
        objects.sort(key=lambda one: one["category_id"])
        found = [one for one in results if one["image_id"] == image["id"]]
        found.sort(key=lambda one: -one["score"])
        counted.append(
            counted_objects(
                np.array([one["area"] for one in objects]),
                np.array([one["iscrowd"] for one in objects], dtype=bool),
            )
        )
        boxes = [
            np.array([one["bbox"] for one in part]).reshape(-1, 4) for part in (found, objects)
        ]
        places.append(match_objects(*boxes, counted[-1]))
    return np.concatenate(places, axis=-1), np.concatenate(counted, axis=-1)


@pytest.mark.parametrize("on_grid", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_recall_is_bit_identical_to_that_of_pycocotools(seed, on_grid):
    content, results = random_set(seed, on_grid=on_grid)
    expected = coco_recall(content, results)
    places, counted = match_all(content, results)
    np.testing.assert_array_equal(np.nan_to_num(recall(places, counted, BUDGETS), nan=-1), expected)
    assert average_recall(places, counted, BUDGETS) == {
        name: [np.mean(row) for row in of_area]
        for name, of_area in zip(AREAS, expected)
        if (of_area > -1).all()
    }


def match(proposals, objects, counted=None):
    boxes = [np.array(part, dtype=float).reshape(-1, 4) for part in (proposals, objects)]
    if counted is None:
        counted = np.ones((1, len(objects)), dtype=bool)
    return match_objects(*boxes, counted)


def test_hand_case():
    # IoUs with the objects: 0.82 and 0, 1 and 0, 0 and 0.62.
    places = match(
        [[0, 0, 10, 8.2], [0, 0, 10, 10], [20, 0, 10, 6.2]], [[0, 0, 10, 10], [20, 0, 10, 10]]
    )
    # The first proposal takes the first object up to 0.8; from 0.85 on the second one does.
    assert places[0, :, 0].tolist() == [0] * 7 + [1] * 3
    # The third takes the second object at 0.5, 0.55 and 0.6.
    assert places[0, :, 1].tolist() == [2] * 3 + [MISSED] * 7
    # Of 2 objects at 10 thresholds: 7 / 20, 10 / 20, 13 / 20.
    ones = np.ones((1, 2), dtype=bool)
    shares = recall(places, ones, (1, 2, 3)).mean(axis=-1)
    np.testing.assert_allclose(shares, [[0.35, 0.5, 0.65]], rtol=1e-15)


def test_areas_belong_to_both_ranges_at_their_limit_and_crowds_to_none():
    areas = np.array([1023.0, 1024, 1025, 96**2, 1024, 1e11])
    ignored = np.array([False, False, False, False, True, False])
    assert counted_objects(areas, ignored).astype(int).tolist() == [
        [1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [0, 1, 1, 1, 0, 0],
        [0, 0, 0, 1, 0, 0],
    ]


def test_curves_are_recall_by_threshold_and_its_mean_by_number():
    content, results = random_set(3)
    places, counted = match_all(content, results)
    curves = recall_curves(places, counted, BUDGETS)
    assert curves["over_iou"]["iou"] == [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
    by_iou = curves["over_iou"]["recall"]["all"]
    assert list(by_iou) == ["1", "5", "20"]
    assert by_iou["20"] == sorted(by_iou["20"], reverse=True)
    numbers = curves["over_proposals"]
    assert numbers["proposals"] == [1, 2, 5, 10, 20]  # no more than the greatest budget
    assert numbers["average_recall"]["all"] == sorted(numbers["average_recall"]["all"])
    assert numbers["average_recall"]["all"][-1] == np.mean(by_iou["20"])


def test_without_objects_there_is_no_recall_and_without_proposals_it_is_zero():
    none = np.zeros((len(AREAS), 0), dtype=bool)
    places = match([[0, 0, 9, 9]], [], none)
    assert places.shape == (len(AREAS), len(THRESHOLDS), 0)
    assert np.isnan(recall(places, none, (100,))).all()
    assert average_recall(places, none, (100,)) == {}
    counted = counted_objects(np.array([81.0]), np.array([False]))
    places = match([], [[0, 0, 9, 9]], counted)
    assert average_recall(places, counted, (100,)) == {"all": [0.0], "small": [0.0]}


@pytest.mark.parametrize(
    ("proposals", "objects", "counted", "message"),
    [
        ((2, 5), (3, 4), (4, 3), r"\[P, 4\] and \[G, 4\], found \(2, 5\) and \(3, 4\)"),
        ((2, 4), (3,), (4, 3), r"found \(2, 4\) and \(3,\)"),
        ((2, 4), (3, 4), (4, 2), r"counted must be \[A, 3\], found \(4, 2\)"),
    ],
)
def test_wrong_shapes(proposals, objects, counted, message):
    with pytest.raises(ValueError, match=message):
        match_objects(np.zeros(proposals), np.zeros(objects), np.zeros(counted, dtype=bool))
