import pytest
import torch
import torch.nn.functional as F

from mmdense.ops.focal_loss import sigmoid_focal_loss, softmax_focal_loss
from tests.references.focal_loss_loop import sigmoid_focal_loss_loop, softmax_focal_loss_loop

LOGITS = torch.randn(9, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3
WEIGHT = torch.tensor([1.0, 0.5, 2.0, 3.0], dtype=torch.float64)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize(
    ("loss", "loop", "target"),
    [
        (sigmoid_focal_loss, sigmoid_focal_loss_loop, [0, 1, 2, 3, 4, 4, 0, 2, 1]),  # 4: background
        (softmax_focal_loss, softmax_focal_loss_loop, [0, 1, 2, 3, 3, 1, 0, 2, 1]),
    ],
)
def test_equals_the_loop(loss, loop, target, gamma, weight):
    found = loss(LOGITS, torch.tensor(target), gamma=gamma, alpha=0.25, weight=weight)
    expected = loop(LOGITS.tolist(), target, gamma, 0.25, weight)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_without_focus_they_are_cross_entropies():
    target = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3, 0])
    one_hot = F.one_hot(target, 4).double()
    halves = sigmoid_focal_loss(LOGITS, target, gamma=0, alpha=0.5)
    entropy = F.binary_cross_entropy_with_logits(LOGITS, one_hot, reduction="none")
    torch.testing.assert_close(2 * halves, entropy)
    torch.testing.assert_close(
        softmax_focal_loss(LOGITS, target, gamma=0, alpha=1),
        F.cross_entropy(LOGITS, target, reduction="none"),
    )


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("loss", [sigmoid_focal_loss, softmax_focal_loss])
def test_gradients_are_right_and_finite_for_certain_answers(loss, gamma):
    target = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3, 0])
    logits = LOGITS.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, target, gamma=gamma, alpha=0.3), logits)
    certain = torch.tensor([[200.0, -200], [-200, 200]], requires_grad=True)
    loss(certain, torch.tensor([0, 0]), gamma=gamma, alpha=0.3).sum().backward()
    assert certain.grad.isfinite().all()


def test_samples_outside_the_classes_have_no_softmax_loss():
    loss = softmax_focal_loss(LOGITS[:2], torch.tensor([-1, 4]), gamma=2, alpha=0.25)
    assert loss.tolist() == [0, 0]
