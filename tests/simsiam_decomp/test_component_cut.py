"""Any part of the extra gradient: all of it is the method, none of it is two equal branches."""

import pytest
import torch
from torch.nn import functional as F

from tests.simsiam_decomp.small_views import MLP, build, gradients, same, views

CUT = {"type": "mmdense.ComponentCutHead"}


def cut(method, centre_weight, residual_weight, **more):
    if method in ("simsiam", "mirror"):
        more = {"predictor": MLP, **more}
    if method == "mirror":
        more = {"predictor_loss": True, **more}
    config = {**CUT, "method": method, "centre_weight": centre_weight}
    return build({**config, "residual_weight": residual_weight, **more})


def infonce_of_stopped_targets(z_a, z_b):
    own = torch.arange(len(z_a))
    a, b = F.normalize(z_a, dim=1), F.normalize(z_b, dim=1)
    forth = F.cross_entropy(a @ b.detach().T / 0.3, own)
    return 0.5 * (forth + F.cross_entropy(b @ a.detach().T / 0.3, own))


def encoder_gradients(head, given):
    torch.manual_seed(7)  # the same negatives
    return gradients(head, given)[0]


@pytest.mark.parametrize(
    ("method", "weight", "other"),
    [
        ("simsiam", 1, {"type": "mmdense.SimSiamHead", "predictor": MLP}),
        ("simsiam", 0, {"type": "mmdense.SymmetricPredictorHead", "predictor": MLP}),
        ("mirror", 1, {"type": "mmdense.MirrorSimSiamHead", "predictor": MLP}),
        ("mirror", 0, {"type": "mmdense.NaiveSiameseHead"}),
        ("triplet", 1, {"type": "mmdense.TripletHead"}),
        ("triplet", 0, {"type": "mmdense.NaiveSiameseHead"}),
        ("infonce", 0, {"type": "mmdense.NaiveSiameseHead"}),
    ],
)
def test_with_all_parts_it_is_the_method_and_without_any_two_equal_branches(method, weight, other):
    given, head, other = views(), cut(method, weight, weight), build(other)
    scale = 10.0 if method == "infonce" else 1.0  # over its temperature of 0.1
    found, expected = encoder_gradients(head, given), encoder_gradients(other, given)
    assert same(found, [scale * gradient for gradient in expected])
    if method == "simsiam":
        assert same(*(list(gradients(one, given)[1].values()) for one in (head, other)))


def test_infonce_with_all_parts_is_infonce_of_stopped_targets():
    given = views()
    found = encoder_gradients(cut("infonce", 1, 1, temperature=0.3), given)
    assert same(found, torch.autograd.grad(infonce_of_stopped_targets(*given), given))


@pytest.mark.parametrize("method", ["simsiam", "mirror", "triplet", "infonce"])
def test_parts_add_up(method):
    # Gradients on the views are linear in the weights: o alone + r alone = all + none.
    given = views()

    def encoder(weights):
        head = cut(method, *weights)
        head.predictor_loss = False
        return torch.stack(encoder_gradients(head, given))

    alone = encoder((1, 0)) + encoder((0, 1))
    assert torch.allclose(alone, encoder((1, 1)) + encoder((0, 0)), atol=1e-6)


def test_the_predictors_own_loss_reaches_the_predictor_alone():
    given = views()
    without, weights = gradients(cut("simsiam", 1, 0), given)
    with_own, more = gradients(cut("simsiam", 1, 0, predictor_loss=True), given)
    assert same(without, with_own)
    assert any(not same(weights[name], more[name]) for name in weights)


@pytest.mark.parametrize("centre", ["batch", "ranks", "views", "ema"])
def test_centres(centre):
    head = cut("simsiam", 1, 0, centre=centre)
    extras = [torch.randn(5, 12), torch.randn(5, 12) + 1.0]
    first = [extra.mean(dim=0) for extra in extras]
    both = 0.5 * (first[0] + first[1])
    expected = first if centre in ("batch", "ranks") else [both, both]
    found = head._centres(extras)
    assert all(torch.allclose(*pair) for pair in zip(found, expected, strict=True))
    if centre == "ema":
        again = head._centres([extra + 1.0 for extra in extras])
        assert torch.allclose(again[0], both + 0.01, atol=1e-6)


def test_before_the_first_step_the_running_centre_is_that_of_the_batch():
    head, of_batch = (cut("simsiam", 1, 0, centre=centre) for centre in ("ema", "views"))
    given = views()
    found, expected = (each.eval().loss(given, [])["loss"] for each in (head, of_batch))
    assert torch.equal(found, expected)
    assert len(head.average) == 0  # nothing is taken in


def test_the_running_centre_is_saved_and_loaded():
    head = cut("simsiam", 1, 1, centre="ema")
    head.loss(views(), [])
    other = cut("simsiam", 1, 1, centre="ema")
    other.load_state_dict(head.state_dict())
    assert torch.equal(other.average, head.average)
    assert other.average.shape == (12,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0.0}, "ComponentCutHead.temperature must be positive, found 0.0"),
        ({"momentum": 1.0}, "ComponentCutHead.momentum .* found 1.0"),
        (
            {"method": "byol"},
            "method must be one of simsiam, mirror, triplet, infonce, found 'byol'",
        ),
        ({"centre": "all"}, "centre must be one of batch, ranks, views, ema, found 'all'"),
        ({"predictor": None}, "method='simsiam' needs a predictor"),
        ({"method": "triplet"}, "method='triplet' has no predictor"),
        ({"method": "mirror"}, "predictor_loss=False"),
    ],
)
def test_bad_options(change, message):
    config = {**CUT, "method": "simsiam", "centre_weight": 1, "residual_weight": 1}
    with pytest.raises(ValueError, match=message):
        build({**config, "predictor": MLP, **change})
