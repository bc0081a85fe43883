import math

import pytest
import torch

from mmdense.ops.soft_nms import gaussian_decay, hard_decay, linear_decay, soft_nms
from tests.references.nms_loop import nms_loop, soft_nms_loop


def random_boxes(n):
    corner = torch.rand(n, 2, generator=torch.Generator().manual_seed(0)) * 50
    return torch.cat((corner, corner + 25), 1)


SCORES = torch.rand(60, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize(
    ("decay", "loop_decay"),
    [
        (hard_decay(0.3), lambda iou: float(iou < 0.3)),
        (linear_decay(0.3), lambda iou: 1 - iou if iou >= 0.3 else 1),
        (gaussian_decay(0.5), lambda iou: math.exp(-(iou**2) / 0.5)),
    ],
)
def test_equals_the_loop(decay, loop_decay, offset):
    boxes = random_boxes(60)
    indices, scores = soft_nms(boxes, SCORES, decay, min_score=0.05, offset=offset)
    expected = soft_nms_loop(boxes.numpy(), SCORES.tolist(), loop_decay, 0.05, offset)
    assert indices.tolist() == [i for i, _ in expected]
    assert scores.tolist() == pytest.approx([s for _, s in expected], rel=1e-5)


def test_hard_decay_is_plain_nms():
    boxes = random_boxes(60)
    indices, scores = soft_nms(boxes, SCORES, hard_decay(0.4), min_score=1e-6)
    assert indices.tolist() == nms_loop(boxes.numpy(), SCORES.tolist(), 0.4)
    assert torch.equal(scores, SCORES[indices])


def test_hand_case():
    # [0, 0, 2, 2] and [0, 0, 2, 4] have IoU 4 / 8 = 1/2: linear leaves 0.8 * (1 - 1/2) = 0.4,
    # Gaussian leaves 0.8 * exp(-0.25 / 0.5) = 0.485.
    boxes, scores = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 4]]), torch.tensor([0.9, 0.8])
    assert soft_nms(boxes, scores, linear_decay(0.5))[1].tolist() == pytest.approx([0.9, 0.4])
    expected = [0.9, 0.8 * math.exp(-0.5)]
    assert soft_nms(boxes, scores, gaussian_decay(0.5))[1].tolist() == pytest.approx(expected)


def test_no_boxes():
    indices, scores = soft_nms(torch.zeros(0, 4), torch.zeros(0), linear_decay(0.5))
    assert indices.shape == scores.shape == (0,)
