import numpy as np
import pytest
import torch
from PIL import Image

from mmdense.ops.nms import pairwise_iou
from projects.cascade_rpn.draw_stages import AnchorPaths, draw_stages, follow_anchors
from tests.cascade_rpn.small_head import build_head, features, stage

META = {"img_shape": (64, 96)}


def follow(*stages, top=4, **kwargs):
    head = build_head([*stages]) if stages else build_head()
    return head, follow_anchors(head.eval(), features(images=1), META, top, **kwargs)


def test_boxes_are_those_of_the_walk_and_the_best_proposals():
    head, paths = follow()
    steps = head.walk(features(images=1), [META])
    assert paths.boxes.shape == (3, 4, 4)
    last = steps[-1]
    order = last.scores[0, :, 0].sigmoid()
    for score, anchor, seen in zip(paths.scores, *paths.boxes[:2]):
        place = (order == score).nonzero().item()
        torch.testing.assert_close(steps[0].boxes[0, place], anchor, rtol=0, atol=0)
        torch.testing.assert_close(steps[1].boxes[0, place], seen, rtol=0, atol=0)
    assert paths.scores.tolist() == sorted(paths.scores.tolist(), reverse=True)
    assert paths.scores[0] == order.max()


def test_proposals_are_apart():
    for apart in (0.1, 0.6):
        _, paths = follow(top=6, apart=apart)
        overlap = pairwise_iou(paths.boxes[-1], paths.boxes[-1]) - torch.eye(6)
        assert overlap.max() <= apart


def test_dots_are_where_each_stage_reads():
    dilated = stage(with_cls=False, adapt={"kind": "dilated", "dilation": 3})
    _, paths = follow(dilated, stage())
    anchors, seen = paths.boxes[:2]
    assert paths.descriptions == ["is dilated by 3", "adapts to the box"]
    # An anchor is 8 strides wide. The taps of dilation 3 lie 3 strides from its centre, so at 1/8,
    # 4/8 and 7/8 of its sides; those of the adaptive stage at 0, 1/2 and 1 of its box.
    for boxes, points, places in zip(
        (anchors, seen), paths.points, ((1 / 8, 4 / 8, 7 / 8), (0, 1 / 2, 1))
    ):
        for (x1, y1, x2, y2), dots in zip(boxes.tolist(), points):
            expected = [(x1 + (x2 - x1) * x, y1 + (y2 - y1) * y) for y in places for x in places]
            torch.testing.assert_close(dots, torch.tensor(expected))


def test_a_plain_convolution_reads_the_neighbours_and_learned_offsets_are_not_drawn():
    _, paths = follow(stage("none", False), stage("learned"))
    assert paths.descriptions == ["is plain", "learns its offsets"]
    first, second = paths.points
    assert second is None
    center = (paths.boxes[0, :, :2] + paths.boxes[0, :, 2:]) / 2
    step = (paths.boxes[0, :, 2:] - paths.boxes[0, :, :2]) / 8  # a stride
    torch.testing.assert_close(first[:, 0], center - step)
    torch.testing.assert_close(first[:, 5], center + step * torch.tensor([1.0, 0]))


@pytest.mark.parametrize("images", [1, 2])
def test_a_wrong_count_is_refused(images):
    with pytest.raises(ValueError, match=r"top=\d and [12] images"):
        follow_anchors(build_head(), features(images=images), META, images - 1)


def test_weights_that_are_not_finite_are_refused():
    head = build_head()
    torch.nn.init.constant_(head.stages[-1].rpn_cls.bias, float("nan"))
    with pytest.raises(ValueError, match="weights"):
        follow_anchors(head, features(images=1), META, 4)


def test_a_panel_for_each_stage(tmp_path):
    _, paths = follow()
    image = np.full((64, 96, 3), 255, np.uint8)
    path = draw_stages(image, paths, tmp_path / "made" / "a.png")
    drawn = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert drawn.shape[1] > 3 * drawn.shape[0]  # three panels of 3 : 2, and titles
    best = np.abs(drawn - (0xD6, 0x27, 0x28)).sum(-1) < 10  # the colour of the best proposal
    assert all(third.any() for third in np.array_split(best, 3, axis=1))


def one_box(x1, y1, x2, y2):
    box = torch.tensor([[[x1, y1, x2, y2]]])
    return AnchorPaths(box.repeat(2, 1, 1), [box.reshape(1, 2, 2)], ["is plain"], torch.ones(1))


def test_boxes_and_dots_are_drawn_in_pixels_of_the_image(tmp_path):
    image = np.full((50, 80, 3), 255, np.uint8)
    same = [
        draw_stages(image, one_box(10.0, 20, 40, 30), tmp_path / "a.png"),
        draw_stages(image, one_box(5.0, 80, 20, 120), tmp_path / "b.png", scale_factor=(0.5, 4)),
    ]
    pixels = [np.asarray(Image.open(path)) for path in same]
    np.testing.assert_array_equal(*pixels)
    assert (pixels[0] != 255).any()
