import pytest
import torch

from projects.cascade_rpn.adaptive_points import adaptive_points


@pytest.mark.parametrize(
    ("box", "options", "x", "y"),
    [
        # Centre (24, 24) px = cell (3, 3), 4 cells wide and 2 high: x = 3 +- 2, y = 3 +- 1.
        ([8, 16, 40, 32], {"stride": 8}, [1, 3, 5], [2, 3, 4]),
        # An anchor of 8 strides has dilation 4.
        ([-16, -16, 16, 16], {"stride": 4}, [-4, 0, 4], [-4, 0, 4]),
        ([0, 0, 16, 8], {"stride": 4, "kernel_size": 5}, [0, 1, 2, 3, 4], [0, 0.5, 1, 1.5, 2]),
        ([0, 0, 16, 16], {"stride": 4, "dilation": 2}, [-2, 2, 6], [-2, 2, 6]),
        ([0, 0, 16, 8], {"stride": 4, "kernel_size": 1}, [2], [1]),
        # Cell 3 of stride 8 is centred at (3 + 0.5) * 8 = 28 px.
        ([20, 20, 36, 36], {"stride": 8, "center_offset": 0.5}, [2, 3, 4], [2, 3, 4]),
        # (x, y), a list in a config that was JSON.
        ([0, 0, 16, 16], {"stride": (4, 8)}, [0, 2, 4], [0, 1, 2]),
        ([0, 0, 16, 16], {"stride": [4, 8]}, [0, 2, 4], [0, 1, 2]),
    ],
)
def test_hand_cases(box, options, x, y):
    points = adaptive_points(torch.tensor([[box]]).float(), **options)
    assert (points.x.tolist(), points.y.tolist()) == ([[x]], [[y]])


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
