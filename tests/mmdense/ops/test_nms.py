import pytest
import torch

from mmdense.ops.nms import nms, nms_match, pairwise_iou
from tests.references.nms_loop import iou, nms_loop, nms_match_loop


def random_boxes(n, seed=0, extent=100.0, size=40.0):
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=generator) * extent
    return torch.cat((corner, corner + torch.rand(n, 2, generator=generator) * size), 1)


def adversarial_boxes(n, seed=0):
    boxes = random_boxes(n, seed, extent=60.0)
    boxes[::7] = boxes[:1].clone()  # identical
    boxes[1::9, 2:] = boxes[1::9, :2]  # no area
    boxes[2::11] = boxes[2::11][:, [2, 3, 0, 1]]  # inverted
    boxes[4::11, 2] = boxes[4::11, 0] - 0.5  # inverted by half a pixel
    boxes[3::13, 1] = float("nan")
    boxes[5::17, 2] = float("inf")
    boxes[6::19] *= 1e25  # area beyond float32
    return boxes


@pytest.mark.parametrize("n", [0, 1, 2, 37, 300])
@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_equals_the_loop_on_adversarial_boxes_and_equal_scores(n, offset, threshold):
    boxes = adversarial_boxes(n, seed=n)
    scores = (torch.rand(n, generator=torch.Generator().manual_seed(1)) * 10).round() / 10
    kept = nms(boxes, scores, threshold, offset=offset)
    assert kept.dtype == torch.int64
    assert kept.tolist() == nms_loop(boxes.numpy(), scores.tolist(), threshold, offset)


@pytest.mark.parametrize("extent", [60.0, 3000.0])  # crowded: one strip; spread: several
def test_equals_the_loop_over_several_blocks_and_strips(extent):
    boxes = random_boxes(900, extent=extent)
    if extent > 1000:
        boxes[:, 1::2] %= 60  # many overlaps within a strip
        boxes[:, 3] = boxes[:, 1] + 20
    scores = torch.rand(900, generator=torch.Generator().manual_seed(2))
    assert nms(boxes, scores, 0.3).tolist() == nms_loop(boxes.numpy(), scores.tolist(), 0.3)


def test_a_chain_settles_one_box_at_a_time():
    # Box i spans [3 i, 3 i + 10]: IoU with its neighbour 7 / 13 > 0.5, with the next but one
    # 4 / 16. In order of score every other box is kept.
    start = torch.arange(1000.0) * 3
    boxes = torch.stack((start, torch.zeros(1000), start + 10, torch.full((1000,), 10.0)), 1)
    kept = nms(boxes, torch.linspace(1, 0, 1000), 0.5)
    assert kept.tolist() == list(range(0, 1000, 2))


def test_the_threshold_itself_does_not_suppress():
    # [0, 0, 2, 2] and [0, 0, 2, 4]: overlap 4, union 4 + 8 - 4 = 8, IoU exactly 1/2.
    boxes = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 4]])
    scores = torch.tensor([0.9, 0.8])
    assert nms(boxes, scores, 0.5).tolist() == [0, 1]
    assert nms(boxes, scores, 0.4999).tolist() == [0]


def test_equal_scores_keep_the_lower_index_and_nan_comes_first():
    boxes = random_boxes(50).repeat(2, 1)
    kept = nms(boxes, torch.full((100,), 0.5), 0.99)
    assert kept.tolist() == list(range(50))
    assert nms(boxes[:1].repeat(2, 1), torch.tensor([0.9, float("nan")]), 0.5).tolist() == [1]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_types(dtype):
    boxes = random_boxes(120).to(dtype)
    scores = torch.randperm(120, generator=torch.Generator().manual_seed(0)).to(dtype)
    expected = nms_loop(boxes.float().numpy(), scores.tolist(), 0.4)
    assert nms(boxes, scores, 0.4).tolist() == expected


@pytest.mark.parametrize("threshold", [0.25, 0.5])
def test_match_equals_the_loop(threshold):
    boxes = adversarial_boxes(150).round()  # whole pixels: many IoUs meet the threshold exactly
    scores = torch.rand(150, generator=torch.Generator().manual_seed(4))
    groups = [g.tolist() for g in nms_match(boxes, scores, threshold)]
    assert groups == nms_match_loop(boxes.numpy(), scores.tolist(), threshold)
    assert nms_match(boxes[:0], scores[:0], threshold) == []


def test_pairwise_iou_equals_the_loop():
    boxes = adversarial_boxes(40)
    for offset in (0, 1):
        values = pairwise_iou(boxes[:20], boxes[20:], offset=offset)
        expected = [[iou(a, b, offset) for b in boxes[20:]] for a in boxes[:20]]
        assert torch.equal(values, torch.tensor(expected))


@pytest.mark.parametrize(
    ("arguments", "offset", "message"),
    [
        ((torch.zeros(3, 5), torch.zeros(3), 0.5), 0, r"boxes must be \[N, 4\]"),
        ((torch.zeros(3, 4), torch.zeros(2), 0.5), 0, r"scores \[N\]"),
        ((torch.zeros(3, 4), torch.zeros(3), -0.1), 0, "iou_threshold"),
        ((torch.zeros(3, 4), torch.zeros(3), float("nan")), 0, "iou_threshold"),
        ((torch.zeros(3, 4), torch.zeros(3), 0.5), 2, "offset must be 0 or 1"),
    ],
)
def test_bad_input(arguments, offset, message):
    with pytest.raises(ValueError, match=message):
        nms(*arguments, offset=offset)
    with pytest.raises(ValueError, match="positive"):
        nms_match(torch.zeros(3, 4), torch.zeros(3), 0.0)
