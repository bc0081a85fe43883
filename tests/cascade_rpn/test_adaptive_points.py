import pytest
import torch

from projects.cascade_rpn.adaptive_points import adaptive_points


def test_hand_case():
    # Stride 8, box (8, 16, 40, 32): centre (24, 24) px = cell (3, 3), 4 cells wide and 2 high.
    # x = 3 - 2, 3, 3 + 2; y = 3 - 1, 3, 3 + 1.
    points = adaptive_points(torch.tensor([[[8.0, 16, 40, 32]]]), stride=8)
    assert points.x.tolist() == [[[1, 3, 5]]]
    assert points.y.tolist() == [[[2, 3, 4]]]


def test_an_anchor_of_eight_strides_is_dilation_four():
    points = adaptive_points(torch.tensor([[[-16.0, -16, 16, 16]]]), stride=4)
    assert points.x.tolist() == points.y.tolist() == [[[-4, 0, 4]]]


def test_five_taps_spread_evenly_and_dilation_stretches_them():
    box = torch.tensor([[[0.0, 0, 16, 16]]])
    assert adaptive_points(box, stride=4, kernel_size=5).x.tolist() == [[[0, 1, 2, 3, 4]]]
    stretched = adaptive_points(box, stride=4, kernel_size=5, dilation=2)
    assert stretched.x.tolist() == [[[-2, 0, 2, 4, 6]]]


def test_one_tap_lies_at_the_centre():
    points = adaptive_points(torch.tensor([[[0.0, 0, 16, 8]]]), stride=4, kernel_size=1)
    assert (points.x.tolist(), points.y.tolist()) == ([[[2]]], [[[1]]])


def test_centre_offset_moves_back_what_the_anchor_generator_moved():
    # Cell 3 of stride 8 is centred at (3 + 0.5) * 8 = 28 px.
    points = adaptive_points(torch.tensor([[[20.0, 20, 36, 36]]]), stride=8, center_offset=0.5)
    assert points.x.tolist() == [[[2, 3, 4]]]


@pytest.mark.parametrize("kind", [tuple, list])  # a config in JSON has lists
def test_strides_of_both_axes(kind):
    points = adaptive_points(torch.tensor([[[0.0, 0, 16, 16]]]), stride=kind((4, 8)))
    assert points.x.tolist() == [[[0, 2, 4]]]
    assert points.y.tolist() == [[[0, 1, 2]]]


def test_both_layouts_of_boxes_agree():
    boxes = torch.randn(2, 2 * 4, 3, 5)
    flat = boxes.permute(0, 2, 3, 1).reshape(2, 3 * 5 * 2, 4)
    for a, b in zip(adaptive_points(boxes, stride=4), adaptive_points(flat, stride=4)):
        assert torch.equal(a, b)


def test_half_boxes_give_float32_points_without_gradient():
    boxes = torch.randn(1, 6, 4, dtype=torch.float16, requires_grad=True)
    points = adaptive_points(boxes, stride=4)
    assert points.x.dtype == torch.float32
    assert not points.x.requires_grad


@pytest.mark.parametrize(
    ("boxes", "options", "words"),
    [
        (torch.zeros(1, 5, 5), {"stride": 4}, r"\[N, L, 4\]"),
        (torch.zeros(1, 6, 2, 2), {"stride": 4}, r"\[N, A \* 4, H, W\]"),
        (torch.zeros(1, 2, 4), {"stride": 0}, "stride must be a positive number .* 0"),
        (torch.zeros(1, 2, 4), {"stride": [4, 0]}, r"stride must be .* \[4, 0\]"),
        (torch.zeros(1, 2, 4), {"stride": [4, 4, 4]}, r"stride must be .* \[4, 4, 4\]"),
        (torch.zeros(1, 2, 4), {"stride": 4, "kernel_size": 2}, "odd"),
    ],
)
def test_bad_input(boxes, options, words):
    with pytest.raises(ValueError, match=words):
        adaptive_points(boxes, **options)
