import pytest
import torch
from mmdet.registry import TASK_UTILS

from projects.cascade_rpn.stage_loss import Samples, StageLoss

CODER = TASK_UTILS.build({"type": "mmdet.DeltaXYWHBBoxCoder"})
BOXES = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [20, 20, 40, 40], [5, 5, 9, 9]])
CE = {"type": "mmdet.CrossEntropyLoss", "use_sigmoid": True}
IOU = {"type": "mmdet.IoULoss", "linear": True, "loss_weight": 10.0}
SAMPLES = Samples(
    torch.tensor([0, 2]), torch.tensor([[0.0, 0, 10, 20], [20, 20, 40, 40]]), torch.tensor([3])
)


def loss(samples=SAMPLES, scores=None, deltas=None, **options):
    options = {"loss_bbox": IOU, "loss_cls": CE} | options
    stage = StageLoss(CODER, with_cls=options["loss_cls"] is not None, **options)
    if options["loss_cls"] is not None:
        scores = torch.zeros(4, stage.num_scores) if scores is None else scores
    deltas = torch.zeros(4, 4) if deltas is None else deltas
    return stage(BOXES, scores, deltas, samples)


def test_hand_case():
    # Unmoved boxes: IoU 100 / 200 = 0.5 and 1, losses 0.5 and 0, times 10, over 3 samples.
    # Logits 0: cross entropy ln 2 for each of the 3 samples, over 3.
    losses = loss()
    assert losses["loss_rpn_reg"].item() == pytest.approx(10 * 0.5 / 3)
    assert losses["loss_rpn_cls"].item() == pytest.approx(0.693147)


@pytest.mark.parametrize(
    ("normalizer", "count", "share"),
    [("samples", 3, 1), ("positives", 2, 1), ("anchors", 1, 1 / 3)],
)
def test_a_larger_image_changes_the_published_normalizer_only(normalizer, count, share):
    # 4 boxes over 200 are below 1, and 1 is the least; 600 over 200 are 3. Samples are the same.
    stage = StageLoss(CODER, with_cls=False, loss_bbox=IOU, normalizer=normalizer)
    small, large = (
        stage(BOXES.repeat(times, 1), None, torch.zeros(4 * times, 4), SAMPLES)["loss_rpn_reg"]
        for times in (1, 150)
    )
    assert small.item() == pytest.approx(5 / count)
    assert large.item() == pytest.approx(small.item() * share)


def test_objects_are_label_zero_and_the_background_one():
    # The published region targets call negatives 0, which means object: a score that is right
    # would cost most.
    right = torch.tensor([[9.0], [0], [9], [-9]])
    assert loss(scores=right)["loss_rpn_cls"] < 1e-3
    assert loss(scores=-right)["loss_rpn_cls"] > 8


@pytest.mark.parametrize(
    "loss_cls",
    [
        CE,
        {"type": "mmdet.CrossEntropyLoss", "use_sigmoid": False},
        {"type": "mmdet.FocalLoss", "use_sigmoid": True},
        {"type": "mmdet.QualityFocalLoss", "use_sigmoid": True},
    ],
    ids=["sigmoid", "softmax", "focal", "quality_focal"],
)
@pytest.mark.parametrize(
    ("loss_bbox", "decoded"),
    [
        (IOU, True),
        ({"type": "mmdet.GIoULoss"}, True),
        ({"type": "mmdet.DIoULoss"}, True),
        ({"type": "mmdet.CIoULoss"}, True),
        ({"type": "mmdet.L1Loss"}, False),
        ({"type": "mmdet.SmoothL1Loss"}, False),
    ],
    ids=lambda value: value["type"][6:] if isinstance(value, dict) else "",
)
def test_any_pair_of_losses_falls_along_its_gradient(loss_cls, loss_bbox, decoded):
    stage = StageLoss(
        CODER, with_cls=True, loss_bbox=loss_bbox, loss_cls=loss_cls, reg_decoded_bbox=decoded
    )
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(4, stage.num_scores, generator=generator).requires_grad_()
    deltas = (torch.randn(4, 4, generator=generator) / 10).requires_grad_()
    before = stage(BOXES, scores, deltas, SAMPLES)
    grads = torch.autograd.grad(sum(before.values()), (scores, deltas))
    assert all(grad.abs().sum() > 0 for grad in grads)
    scored = stage(BOXES, scores - 0.01 * grads[0], deltas, SAMPLES)
    assert scored["loss_rpn_cls"] < before["loss_rpn_cls"]
    moved = stage(BOXES, scores, deltas - 0.01 * grads[1], SAMPLES)
    assert moved["loss_rpn_reg"] < before["loss_rpn_reg"]


def test_quality_focal_loss_wants_the_overlap_as_the_score():
    # Boxes with IoU 0.5 and 1 and a negative: logits of those probabilities cost nothing.
    wanted = torch.tensor([[0.0], [0], [30], [-30]])
    cls = {"type": "mmdet.QualityFocalLoss", "use_sigmoid": True}
    assert loss(scores=wanted, loss_cls=cls)["loss_rpn_cls"] < 1e-6


def test_a_weight_of_positives():
    scores = torch.tensor([[-5.0], [0], [-5], [-20]])  # only the positives cost
    heavy = loss(scores=scores, pos_weight=3.0)["loss_rpn_cls"]
    torch.testing.assert_close(heavy, 3 * loss(scores=scores)["loss_rpn_cls"])


@pytest.mark.parametrize("negative", [[], [1, 3]])
def test_without_positives_the_losses_are_finite_and_carry_gradients(negative):
    samples = Samples(
        torch.zeros(0, dtype=torch.long),
        torch.zeros(0, 4),
        torch.tensor(negative, dtype=torch.long),
    )
    scores, deltas = torch.zeros(4, 1, requires_grad=True), torch.zeros(4, 4, requires_grad=True)
    losses = loss(samples, scores, deltas)
    assert losses["loss_rpn_reg"] == 0
    sum(losses.values()).backward()
    assert (deltas.grad == 0).all()
    assert (scores.grad.abs().sum() > 0) == bool(negative)


def test_probabilities():
    softmax = {"type": "mmdet.CrossEntropyLoss", "use_sigmoid": False}
    # Scores of object and background: e^0 / (e^0 + e^ln3) = 1 / 4.
    for loss_cls, score, expected in ((CE, [0.0], 0.5), (softmax, [0.0, 1.0986123], 0.25)):
        stage = StageLoss(CODER, with_cls=True, loss_bbox=IOU, loss_cls=loss_cls)
        assert stage.probabilities(torch.tensor([score])).item() == pytest.approx(expected)


def test_bad_input():
    with pytest.raises(ValueError, match="both or neither"):
        StageLoss(CODER, with_cls=True, loss_bbox=IOU)
    with pytest.raises(ValueError, match="both or neither"):
        StageLoss(CODER, with_cls=False, loss_bbox=IOU, loss_cls=CE)
    with pytest.raises(ValueError, match="normalizer"):
        StageLoss(CODER, with_cls=False, loss_bbox=IOU, normalizer="cells")
