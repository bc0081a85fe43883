"""The operators as ``mmcv.ops`` calls them; with a compiled mmcv this compares it to the loops."""

import mmcv.ops
import numpy as np
import pytest
import torch

from mmdense.ops import focal_loss, mmcv_ops
from mmdense.ops.nms import soft_nms
from tests.references.nms_loop import iou, nms_loop, nms_match_loop, soft_nms_loop
from tests.references.roi_align_loop import roi_align_loop

replacement_only = pytest.mark.skipif(
    mmcv_ops.sources()["nms"] == "mmcv",
    reason="the compiled operators of mmcv cannot do this on the CPU",
)
BOXES = torch.rand(40, 4, generator=torch.Generator().manual_seed(0)) * 20
BOXES[:, 2:] += BOXES[:, :2]
SCORES = torch.randperm(40, generator=torch.Generator().manual_seed(1)) / 40.0


@pytest.mark.parametrize("offset", [0, 1])
def test_nms(offset):
    dets, kept = mmcv.ops.nms(BOXES, SCORES, 0.3, offset=offset, score_threshold=0.1, max_num=7)
    candidates = (SCORES > 0.1).nonzero().squeeze(1)
    expected = nms_loop(BOXES[candidates].numpy(), SCORES[candidates].tolist(), 0.3, offset)[:7]
    assert kept.tolist() == candidates[expected].tolist()
    assert torch.equal(dets, torch.cat((BOXES[kept], SCORES[kept, None]), 1))


def test_nms_of_numpy():
    dets, kept = mmcv.ops.nms(BOXES.numpy(), SCORES.numpy(), 0.3)
    assert isinstance(dets, np.ndarray)
    assert kept.tolist() == nms_loop(BOXES.numpy(), SCORES.tolist(), 0.3)


def test_batched_nms():
    groups = torch.arange(40) % 4
    kept = mmcv.ops.batched_nms(BOXES, SCORES, groups, {"type": "nms", "iou_threshold": 0.3})[1]
    expected = nms_loop(BOXES.numpy(), SCORES.tolist(), 0.3, groups=groups.tolist())
    assert kept.tolist() == expected


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("method", ["naive", "linear", "gaussian"])
def test_soft_nms(method, offset):
    decay = {
        "naive": lambda x: float(x < 0.3),
        "linear": lambda x: 1 - x if x >= 0.3 else 1,
        "gaussian": lambda x: np.exp(-(x**2) / 0.5),
    }[method]
    dets, kept = mmcv.ops.soft_nms(BOXES, SCORES, 0.3, 0.5, 0.05, method, offset)
    expected = soft_nms_loop(BOXES.numpy(), SCORES.tolist(), decay, 0.05, offset)
    assert kept.tolist() == [i for i, _ in expected]
    torch.testing.assert_close(dets[:, :4], BOXES[kept])
    torch.testing.assert_close(
        dets[:, 4].tolist(), [float(s) for _, s in expected], atol=1e-5, rtol=1e-5
    )


def test_soft_nms_of_a_hand_case_and_of_no_boxes():
    # [0, 0, 2, 2] and [0, 0, 2, 4] have IoU 4 / 8 = 1/2: linear leaves 0.8 * (1 - 1/2) = 0.4,
    # Gaussian leaves 0.8 * exp(-0.25 / 0.5) = 0.485.
    boxes, scores = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 4]]), torch.tensor([0.9, 0.8])
    for method, left in (("linear", 0.4), ("gaussian", 0.8 * np.exp(-0.5))):
        dets, _ = mmcv.ops.soft_nms(boxes, scores, 0.5, 0.5, 1e-3, method)
        assert dets[:, 4].tolist() == pytest.approx([0.9, left])
    for result in soft_nms(boxes[:0], scores[:0], lambda iou: iou, min_score=0):
        assert result.shape == (0,)


def test_nms_match():
    groups = mmcv.ops.nms_match(torch.cat((BOXES, SCORES[:, None]), 1), 0.3)
    expected = nms_match_loop(BOXES.numpy(), SCORES.tolist(), 0.3)
    assert [g.tolist() for g in groups] == expected


@pytest.mark.parametrize("pool", ["avg", "max"])
@pytest.mark.parametrize("sampling_ratio", [0, 2])
def test_roi_align(pool, sampling_ratio):
    maps = torch.randn(2, 3, 12, 14, generator=torch.Generator().manual_seed(2))
    maps.requires_grad_()
    image = torch.arange(10)[:, None] % 2
    rois = torch.cat((image, BOXES[:10]), 1)
    pooled = mmcv.ops.roi_align(maps, rois, (3, 2), 0.5, sampling_ratio, pool, True)
    expected = roi_align_loop(
        maps,
        rois,
        (3, 2),
        spatial_scale=0.5,
        sampling_ratio=sampling_ratio,
        aligned=True,
        pool=pool,
    )
    torch.testing.assert_close(pooled, expected, atol=1e-4, rtol=1e-4)
    grad = torch.randn_like(pooled)
    ours, loop = (torch.autograd.grad(p, maps, grad)[0] for p in (pooled, expected))
    torch.testing.assert_close(ours, loop, atol=1e-4, rtol=1e-4)


@replacement_only
def test_roi_align_in_half_precision():
    maps = torch.randn(1, 4, 12, 14, dtype=torch.bfloat16, requires_grad=True)
    rois = torch.cat((torch.zeros(10, 1), BOXES[:10]), 1)
    pooled = mmcv.ops.roi_align(maps, rois, (7, 7), 0.5, 0, "avg", True)
    pooled.sum().backward()
    assert pooled.dtype == maps.grad.dtype == torch.bfloat16


@replacement_only
@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 2, 0.5])])
@pytest.mark.parametrize("name", ["sigmoid_focal_loss", "softmax_focal_loss"])
def test_focal_losses(name, weight):
    logits = torch.randn(8, 3, generator=torch.Generator().manual_seed(3), requires_grad=True)
    target = torch.arange(8) % 3
    loss = getattr(mmcv.ops, name)(logits, target, 2.0, 0.25, weight, "mean")
    own = getattr(focal_loss, name)(logits, target, gamma=2.0, alpha=0.25, weight=weight)
    torch.testing.assert_close(loss, own.sum() / 8)
    ours, reference = (torch.autograd.grad(x, logits)[0] for x in (own.sum() / 8, loss))
    torch.testing.assert_close(reference, ours)


def test_bbox_overlaps():
    a, b = BOXES[:6], BOXES[6:12]
    values = mmcv.ops.bbox_overlaps(a, b, offset=1)
    expected = torch.tensor([[iou(x, y, 1) for y in b] for x in a])
    torch.testing.assert_close(values, expected)
    torch.testing.assert_close(
        mmcv.ops.bbox_overlaps(a, b, aligned=True, offset=1), expected.diag()
    )
    inside = mmcv.ops.bbox_overlaps(
        torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 0, 9, 9]]), "iof"
    )
    assert inside.item() == 0.5


def test_versions_for_the_environment_report():
    from mmcv.utils.env import collect_env

    report = collect_env()
    assert isinstance(report["MMCV Compiler"], str)
    assert isinstance(report["MMCV CUDA Compiler"], str)
