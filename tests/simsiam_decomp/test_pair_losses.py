"""The registered losses and their sum."""

import pytest
import torch
from torch.nn import functional as F

from tests.simsiam_decomp.small_views import build, cosine, gradients, same, views


def summed(*losses):
    return build({"type": "mmdense.LossSumHead", "losses": list(losses)})


def loss_of(config, given):
    (value,) = summed(config).loss(given, []).values()
    return value


def units(given):
    return [F.normalize(view, dim=1) for view in given]


@pytest.mark.parametrize(
    ("loss", "head"),
    [
        ({"type": "mmdense.NegativeCosineLoss"}, {"type": "mmdense.NaiveSiameseHead"}),
        (
            {"type": "mmdense.InfoNCELoss", "temperature": 0.3},
            {"type": "mmdense.InfoNCEHead", "temperature": 0.3},
        ),
    ],
)
def test_a_loss_has_the_gradients_of_its_head(loss, head):
    given = views()
    assert same(gradients(summed(loss), given)[0], gradients(build(head), given)[0])


def test_triplet_without_residual_is_negative_cosine_and_centre():
    # -Z_a . sg(Z_b - o): the part of a triplet that keeps o_e only.
    given = views()
    head = summed({"type": "mmdense.NegativeCosineLoss"}, {"type": "mmdense.CentreLoss"})
    found, _ = gradients(head, given)
    a, b = units(given)
    forth = -(a * (b - a.mean(dim=0)).detach()).sum(dim=1).mean()
    back = -(b * (a - b.mean(dim=0)).detach()).sum(dim=1).mean()
    assert same(found, torch.autograd.grad(0.5 * (forth + back), given))


@pytest.mark.parametrize("to", ["centre", "residual"])
def test_pull_moves_its_part(to):
    given = views(count=32)
    before = [torch.linalg.norm(z.mean(dim=0)) for z in units(given)]
    for _ in range(50):
        found, _ = gradients(summed({"type": "mmdense.ComponentPullLoss", "to": to}), given)
        for view, gradient in zip(given, found, strict=True):
            view.data -= 20.0 * gradient
    after = [torch.linalg.norm(z.mean(dim=0)) for z in units(given)]
    rises = [bool(new > old) for new, old in zip(after, before, strict=True)]
    assert rises == ([True, True] if to == "centre" else [False, False])


def test_weights_and_names():
    given = views()
    losses = [
        {"type": "mmdense.NegativeCosineLoss"},
        {"type": "mmdense.DecorrelationLoss", "weight": 3.0},
        {"type": "mmdense.UniformityLoss", "t": 1.0},
        {"type": "mmdense.AlignmentLoss", "alpha": 1.0},
        {"type": "mmdense.CentreLoss", "weight": 0.0},
    ]
    found = summed(*losses).loss(given, [])
    assert list(found) == [
        "loss_negativecosine",
        "loss_decorrelation",
        "loss_uniformity",
        "loss_alignment",
        "loss_centre",
    ]
    from mmdense.collapse.decorrelation import decorrelation_loss

    expected = 1.5 * sum(decorrelation_loss(unit) for unit in units(given))
    assert torch.allclose(found["loss_decorrelation"], expected)
    assert torch.allclose(found["loss_negativecosine"], cosine(*given))
    assert float(found["loss_centre"]) == 0.0


def test_vicreg_terms():
    given = views()
    z_a, z_b = given

    def off_diagonal(z):
        covariance = torch.cov(z.T)
        return (covariance.square().sum() - covariance.diagonal().square().sum()) / len(covariance)

    def short(z):
        return F.relu(1 - (z.var(dim=0) + 1e-4).sqrt()).mean()

    terms = {
        "invariance": 25 * (z_a - z_b).square().mean(),
        "variance": 25 * 0.5 * (short(z_a) + short(z_b)),
        "covariance": off_diagonal(z_a) + off_diagonal(z_b),
    }
    whole = loss_of({"type": "mmdense.VICRegLoss"}, given)
    assert torch.allclose(whole, sum(terms.values()), rtol=1e-4)
    for name, expected in terms.items():
        others = {other: 0.0 for other in terms if other != name}
        found = loss_of({"type": "mmdense.VICRegLoss", **others}, given)
        assert torch.allclose(found, expected, rtol=1e-4), name


def test_bad_options():
    with pytest.raises(ValueError, match="InfoNCELoss.temperature must be positive, found 0"):
        summed({"type": "mmdense.InfoNCELoss", "temperature": 0})
    with pytest.raises(ValueError, match="to must be 'centre' or 'residual', found 'r'"):
        loss_of({"type": "mmdense.ComponentPullLoss", "to": "r"}, views())
    for losses in ([], [{"type": "mmdense.NegativeCosineLoss"}] * 2):
        with pytest.raises(ValueError, match="LossSumHead.losses"):
            summed(*losses)
    with pytest.raises(ValueError, match="two vectors, found 1"):
        loss_of({"type": "mmdense.DecorrelationLoss"}, views(count=1))
