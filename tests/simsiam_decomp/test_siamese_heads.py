"""Positions of the predictor and of the stop-gradient: each head against its formula."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.simsiam_decomp.small_views import MLP, build, cosine, gradients, same, views

HEADS = {
    "naive": {"type": "mmdense.NaiveSiameseHead"},
    "symmetric": {"type": "mmdense.SymmetricPredictorHead", "predictor": MLP},
    "simsiam": {"type": "mmdense.SimSiamHead", "predictor": MLP},
    "mirror": {"type": "mmdense.MirrorSimSiamHead", "predictor": MLP},
}


def formula(name, head, z_a, z_b):
    """One direction of the loss."""
    if name == "naive":
        return cosine(z_a, z_b.detach())
    h = head.predict
    return {
        "symmetric": lambda: cosine(h(z_a), h(z_b).detach()),
        "simsiam": lambda: cosine(h(z_a), z_b.detach()),
        "mirror": lambda: cosine(z_a, h(z_b.detach())),
    }[name]()


@pytest.mark.parametrize("name", HEADS)
def test_loss_and_gradients_are_those_of_the_formula(name):
    head = build(HEADS[name])
    z_a, z_b = views()
    value = head.loss([z_a, z_b], [])["loss"]
    found_z, found_h = gradients(head, [z_a, z_b])
    head.zero_grad()
    z_a.grad = z_b.grad = None
    expected = 0.5 * (formula(name, head, z_a, z_b) + formula(name, head, z_b, z_a))
    expected.backward()
    assert float(value) == pytest.approx(float(expected), abs=1e-6)
    assert same(found_z, [z_a.grad, z_b.grad])
    assert same(list(found_h.values()), [weight.grad for weight in head.parameters()])


def test_the_stopped_gradient_only_halves_that_of_naive_siamese():
    given = views()
    stopped, _ = gradients(build(HEADS["naive"]), given)
    free = torch.autograd.grad(cosine(*given), given)
    assert all(same(2 * half, whole) for half, whole in zip(stopped, free, strict=True))


def test_inverse_predictor_trains_each_part_by_its_own_loss():
    head = build({"type": "mmdense.InversePredictorHead", "predictor": MLP})
    z_a, z_b = views()
    losses = head.loss([z_a, z_b], [])
    assert set(losses) == {"loss_encoder", "loss_predictor", "loss_inverse"}
    parts = {
        "encoder": [z_a, z_b],
        "predictor": list(head.predictor.parameters()),
        "inverse": list(head.inverse_predictor.parameters()),
    }

    def reaches(loss, leaves):
        found = torch.autograd.grad(losses[loss], leaves, retain_graph=True, allow_unused=True)
        return any(gradient is not None and bool(gradient.any()) for gradient in found)

    reached = {
        loss: {part for part, leaves in parts.items() if reaches(loss, leaves)} for loss in losses
    }
    assert reached["loss_encoder"] == {"encoder", "predictor"}
    assert reached["loss_predictor"] == {"predictor"}
    assert reached["loss_inverse"] == {"inverse"}


def test_the_printed_slip_of_algorithm_5():
    given = views()
    config = {"type": "mmdense.InversePredictorHead", "predictor": MLP}
    half = build(config).loss(given, [])
    slip = build({**config, "second_half": 1.0}).loss(given, [])
    first = build({**config, "second_half": 0.0}).loss(given, [])
    second = half["loss_encoder"] - first["loss_encoder"]
    assert torch.allclose(slip["loss_encoder"], first["loss_encoder"] + 2 * second)


def test_simsiam_equals_that_of_mmpretrain():
    from mmdense.registry import MODELS

    head = build(HEADS["simsiam"])
    upstream = MODELS.build(
        {
            "type": "mmpretrain.LatentPredictHead",
            "loss": {"type": "mmpretrain.CosineSimilarityLoss"},
            "predictor": MLP,
        }
    )
    upstream.load_state_dict(head.state_dict())
    z_a, z_b = views()
    expected = 0.5 * (upstream.loss(z_a, z_b) + upstream.loss(z_b, z_a))
    assert torch.allclose(head.loss([z_a, z_b], [])["loss"], expected)


def test_views_that_do_not_pair():
    z_a, z_b = views()
    with pytest.raises(ValueError, match=r"shapes: \(6, 12\) and \(5, 12\)"):
        build(HEADS["naive"]).loss([z_a, z_b[:5]], [])
    with pytest.raises(ValueError, match="NaiveSiameseHead needs two views, found 3"):
        build(HEADS["naive"]).loss([z_a, z_b, z_b], [])


def test_zero_vectors_give_a_finite_loss():
    zero = nn.Parameter(torch.zeros(3, 12))
    loss = build(HEADS["naive"]).loss([zero, F.normalize(torch.randn(3, 12))], [])["loss"]
    loss.backward()
    assert bool(loss.isfinite())
    assert bool(zero.grad.isfinite().all())
