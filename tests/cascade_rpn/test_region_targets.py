import pytest
import torch
from mmdet.registry import TASK_UTILS
from mmengine.structures import InstanceData

from projects.cascade_rpn.region_targets import (
    Levels,
    cells_inside,
    image_cells,
    object_levels,
    region_targets,
)
from tests.cascade_rpn.operations import operations
from tests.references.region_loop import region_loop

SIZES = ((24, 32), (12, 16), (6, 8))
STRIDES = (4.0, 8.0, 16.0)
SIDES = (32.0, 64.0, 128.0)
LEVELS = Levels(SIZES, [(s, s) for s in STRIDES], SIDES)


def targets(boxes, image=None, levels=LEVELS, num_images=1, **options):
    boxes = torch.as_tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    image = torch.zeros(len(boxes), dtype=torch.long) if image is None else image
    return region_targets(boxes, image, levels, num_images=num_images, **options)


def by_level(target):
    parts = target.split([h * w for h, w in SIZES])
    return [part.view(size) for part, size in zip(parts, SIZES)]


def random_boxes(number, seed):
    generator = torch.Generator().manual_seed(seed)
    center = torch.rand(number, 2, generator=generator) * torch.tensor([128.0, 96.0])
    side = torch.exp(torch.rand(number, 2, generator=generator) * 3 + 1.5) / 2
    return torch.cat((center - side, center + side), 1)


def test_hand_case():
    # Box of 40 px around (50, 30) px: level 0 (32 px), stride 4. Centre region: 0.2 * 40 = 8 px,
    # x 46..54 px = 11.5..13.5 cells, rounded to even 12..14; y 26..34 = 6.5..8.5, 6..8.
    # Ignore region 20 px: x 40..60 = 10..15, y 20..40 = 5..10. On level 1 (stride 8): 5..7.5 -> 8,
    # 2.5 -> 2..5.
    fine, coarse, coarsest = by_level(targets([[30.0, 10, 70, 50]])[0])
    expected = torch.zeros(SIZES[0], dtype=torch.long)
    expected[5:11, 10:16] = -1
    expected[6:9, 12:15] = 1
    assert torch.equal(fine, expected)
    expected = torch.zeros(SIZES[1], dtype=torch.long)
    expected[2:6, 5:9] = -1
    assert torch.equal(coarse, expected)
    assert not coarsest.any()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_equals_the_loop(seed, offset):
    boxes = random_boxes(12, seed)
    levels = LEVELS._replace(center_offset=offset)
    slow = region_loop(boxes.double().tolist(), SIZES, STRIDES, SIDES, offset)
    for fast, rows in zip(by_level(targets(boxes, levels=levels)[0]), slow):
        assert fast.tolist() == rows


def test_the_padding_of_a_batch_moves_no_region():
    sizes = ((8, 13), (4, 7), (2, 4))  # of an image of 32 x 52 px; the map is larger
    boxes = torch.cat((random_boxes(12, 0) / 2.5, torch.tensor([[49.0, 10, 52, 20]])))
    cells = torch.tensor([sizes])
    padded = by_level(targets(boxes, cells=cells)[0])
    for fast, rows in zip(padded, region_loop(boxes.double().tolist(), sizes, STRIDES, SIDES)):
        assert fast[: len(rows), : len(rows[0])].tolist() == rows
    # A mask of cells with two boxes each gives the same.
    masks = [torch.zeros(1, *size, 2, dtype=torch.bool) for size in SIZES]
    for mask, (height, width) in zip(masks, sizes):
        mask[:, :height, :width] = True
    valid = torch.cat([mask.flatten(1) for mask in masks], dim=1)
    assert torch.equal(image_cells(valid, LEVELS), cells)
    assert (image_cells(torch.zeros_like(valid), LEVELS) == 1).all()


def test_any_number_of_objects_takes_the_same_operations_and_one_wait():
    few, many = (operations(targets, random_boxes(number, 0)) for number in (2, 200))
    assert few == many
    waits = ("repeat_interleave", "nonzero", "_local_scalar_dense")  # their sizes are on the device
    assert sum(many[name] for name in waits) == 1


def published_targets(boxes):
    """What the published code assigns."""
    priors = []
    for (height, width), stride, side in zip(SIZES, STRIDES, SIDES):
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        center = torch.stack((x, y), -1).reshape(-1, 2) * stride
        priors.append(torch.cat((center - side / 2, center + side / 2), 1))
    numbers = [len(prior) for prior in priors]
    flat = torch.cat(priors)
    return (
        TASK_UTILS.build({"type": "mmdet.RegionAssigner"})
        .assign(
            InstanceData(priors=flat, valid_flags=torch.ones(len(flat), dtype=torch.bool)),
            InstanceData(bboxes=boxes, labels=torch.zeros(len(boxes), dtype=torch.long)),
            {"pad_shape": (96, 128), "img_shape": (96, 128)},
            SIZES,
            numbers,
            8,
            STRIDES,
            allowed_border=-1,
        )
        .gt_inds
    )


@pytest.mark.parametrize("seed", range(6))
def test_compat_is_the_published_rule(seed):
    boxes = random_boxes(15, seed)
    assert torch.equal(targets(boxes, compat=True)[0], published_targets(boxes))


def test_images_of_a_batch_do_not_mix():
    a, b = random_boxes(5, 0), random_boxes(3, 1)
    image = torch.tensor([0] * 5 + [2] * 3)
    together = targets(torch.cat((a, b)), image, num_images=3)
    alone = targets(b)[0]
    assert torch.equal(together[0], targets(a)[0])
    assert not together[1].any()
    assert torch.equal(together[2], torch.where(alone > 0, alone + 5, alone))


def test_a_neighbour_level_never_erases_a_positive():
    # Concentric boxes of 40 and 70 px lie on levels 0 and 1. Published code: none has a positive.
    boxes = torch.tensor([[44.0, 28, 84, 68], [29, 13, 99, 83]])
    assert (published_targets(boxes) <= 0).all()
    for index in range(2):
        together = (targets(boxes)[0] == index + 1).sum()
        assert together == (targets(boxes[index])[0] == 1).sum() == 9


def renumbered(target, order):
    """Targets of ``boxes[order]`` with the numbers that the objects have in ``boxes``."""
    return torch.where(target > 0, order[target.clamp(min=1) - 1] + 1, target)


def test_the_order_of_objects_does_not_matter():
    boxes = torch.cat((random_boxes(20, 3), random_boxes(20, 4)))
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    straight, shuffled = targets(boxes)[0], targets(boxes[order])[0]
    assert torch.equal(renumbered(shuffled, order), straight)
    # The published rule gives the same cells to other objects.
    straight, shuffled = published_targets(boxes), published_targets(boxes[order])
    assert not torch.equal(renumbered(shuffled, order), straight)


def test_equal_areas_are_ordered_by_position_not_by_number():
    boxes = torch.tensor([[20.0, 20, 52, 52], [24, 20, 56, 52]])
    first, second = targets(boxes)[0], targets(boxes.flip(0))[0]
    assert torch.equal(torch.where(second > 0, 3 - second, second), first)


@pytest.mark.parametrize("side", [2, 3, 5, 8, 16, 32])
def test_every_object_has_a_cell_even_at_the_far_edge(side):
    for x in (0.0, 50.3, 128.0 - side):
        for y in (0.0, 33.7, 96.0 - side):
            assert (targets([[x, y, x + side, y + side]]) == 1).any()


@pytest.mark.parametrize(
    "box",
    [
        [10.0, 10, 10, 30],  # no width
        [30.0, 30, 10, 10],  # inverted
        [200.0, 10, 240, 40],  # right of the map
        [-80.0, -80, -20, -20],  # left and above
        [float("nan"), 0, 10, 10],
    ],
)
def test_an_object_that_is_none_or_elsewhere_has_no_cells(box):
    good = [20.0, 20, 52, 52]
    assert torch.equal(targets([box, good])[0].clamp(max=1), targets([good])[0])
    assert not targets(torch.zeros(0, 4), num_images=2).any()


def test_levels_meet_at_the_geometric_mean():
    # log2(a / 32) + 0.5 reaches 1 at a = 32 * sqrt(2) = 45.25.
    sides = torch.tensor([1.0, 45.2, 45.3, 90.5, 90.6, 1000])
    boxes = torch.stack((sides * 0, sides * 0, sides, sides), 1)
    assert object_levels(boxes, LEVELS).tolist() == [0, 0, 1, 1, 2, 2]


def test_cells_inside_a_region_on_every_level():
    # 10..30 px: cells 3..7 of stride 4 (12..28 px), 2..3 of stride 8, 1 of stride 16.
    region = torch.tensor([[10.0, 10, 30, 30]])
    inside = cells_inside(region, torch.tensor([1]), LEVELS, num_images=2)
    assert not inside[0].any()
    for level, cells in zip(by_level(inside[1]), ((3, 8), (2, 4), (1, 2))):
        expected = torch.zeros_like(level)
        expected[cells[0] : cells[1], cells[0] : cells[1]] = True
        assert torch.equal(level, expected)
