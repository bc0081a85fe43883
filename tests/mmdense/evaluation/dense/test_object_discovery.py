"""LOST: the loop, hand cases, components, boxes, CorLoc, and bad input."""

import pytest
import torch

from mmdense.evaluation.dense.protocols import object_discovery
from mmdense.evaluation.dense.protocols.object_discovery import (
    boxes_of,
    component_of,
    discover_objects,
    localised,
)
from tests.references.lost_loop import lost_loop


@pytest.mark.parametrize("grid", [(1, 1), (1, 7), (5, 3), (6, 9)])
@pytest.mark.parametrize("k", [1, 4, 1000])
def test_equals_the_loop(grid, k):
    generator = torch.Generator().manual_seed(grid[1] + k)
    shape = 5, grid[0] * grid[1], 3
    features = torch.randn(shape, generator=generator, dtype=torch.float64)
    found = discover_objects(features, grid, k=k)
    for image in range(5):
        seed, component, box = lost_loop(features[image].tolist(), grid, k)
        assert int(found.seeds[image]) == seed
        assert set(found.masks[image].flatten().nonzero().flatten().tolist()) == component
        assert found.boxes[image].tolist() == box


def test_images_in_chunks(monkeypatch):
    features = torch.randn(5, 12, 4, generator=torch.Generator().manual_seed(0))
    whole = discover_objects(features, (3, 4))
    monkeypatch.setattr(object_discovery, "_SIMILARITIES", 2 * 144)
    assert all(map(torch.equal, whole, discover_objects(features, (3, 4))))


def test_hand_case():
    # An object of 2 x 2 patches with the feature -1 on a background of 1, on a grid of 3 x 4. A
    # patch of the object correlates positively with the 4 of the object, one of the background
    # with 8, so the seed is the first patch of the object, at row 1, column 2.
    features = torch.ones(1, 3, 4, 1)
    features[0, 1:, 2:] = -1
    found = discover_objects(features.flatten(1, 2), (3, 4), k=2)
    assert found.seeds.tolist() == [6]
    assert found.boxes.tolist() == [[2, 1, 4, 3]]
    assert torch.equal(found.masks, features[..., 0] < 0)


def test_equal_features_are_one_object_of_the_whole_image():
    found = discover_objects(torch.ones(1, 6, 2), (2, 3))
    assert found.boxes.tolist() == [[0, 0, 3, 2]]


def test_component_follows_a_snake_and_not_a_diagonal():
    mask = torch.tensor(
        [
            [1, 1, 1, 0, 1],
            [0, 0, 1, 0, 0],
            [1, 1, 1, 0, 1],
            [1, 0, 0, 1, 1],
        ]
    ).bool()
    component = component_of(mask[None].repeat(2, 1, 1), torch.tensor([0, 18]))
    snake = mask.clone()
    snake[:, 3:] = False
    assert torch.equal(component[0], snake)
    assert component[1].nonzero().tolist() == [[2, 4], [3, 3], [3, 4]]


def test_boxes_of_single_patches():
    masks = torch.zeros(2, 4, 5, dtype=torch.bool)
    masks[0, 3, 4] = masks[1, 0, 0] = True
    assert boxes_of(masks).tolist() == [[4, 3, 5, 4], [0, 0, 1, 1]]


def test_corloc_counts_an_iou_of_one_half():
    boxes = torch.tensor([[0, 0, 2, 2]]).repeat(4, 1)
    # IoU 2 / 4; 1 / 4 twice; none; and the second of two objects.
    objects = [[[0, 0, 2, 1]], [[0, 0, 1, 1], [1, 1, 2, 2]], [], [[5, 5, 6, 6], [0, 0, 2, 2]]]
    objects = [torch.tensor(one).reshape(-1, 4) for one in objects]
    assert localised(boxes, objects).tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    ("features", "k", "message"),
    [
        (torch.ones(1, 5, 2), 1, "features must be"),
        (torch.ones(6, 2), 1, "features must be"),
        (torch.ones(1, 6, 2), 0, "k must be positive"),
        (torch.full((1, 6, 2), torch.nan), 1, "NaN"),
    ],
)
def test_bad_input(features, k, message):
    with pytest.raises(ValueError, match=message):
        discover_objects(features, (2, 3), k=k)


def test_bad_numbers_of_images():
    with pytest.raises(ValueError, match="1 and objects of 0"):
        localised(torch.ones(1, 4), [])
