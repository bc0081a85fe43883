"""Small and analytic predictors."""

import pytest
import torch
from torch.nn import functional as F

import mmdense  # noqa: F401
from mmdense.collapse.readings import centre_share
from tests.simsiam_decomp.small_views import D, build, views

AFFINE = {"type": "mmdense.AffinePredictor", "channels": D}
DIRECT = {"type": "mmdense.DirectPredictor", "channels": D}


def z(count=6):
    return views(count)[0].detach()


def test_a_bias_starts_as_the_identity_on_the_sphere():
    predictor = build({**AFFINE, "layers": ("bias",)})
    assert torch.allclose(predictor((z(),))[0], F.normalize(z(), dim=1))
    assert [name for name, _ in predictor.named_parameters()] == ["bias"]


@pytest.mark.parametrize("bound", [None, "tanh", "sigmoid"])
@pytest.mark.parametrize("layers", [("fc",), ("bias", "fc"), ("fc", "bias")])
def test_layers_in_their_order(layers, bound):
    predictor = build({**AFFINE, "layers": layers, "bound": bound})
    bounded = {None: lambda x: x, "tanh": torch.tanh, "sigmoid": torch.sigmoid}[bound]
    if "bias" in layers:
        torch.nn.init.normal_(predictor.bias)
    expected = F.normalize(z(), dim=1)
    for layer in layers:
        if layer == "fc":
            expected = expected @ bounded(predictor.fc.weight).T
        else:
            expected = expected + bounded(predictor.bias)
    assert torch.allclose(predictor((z(),))[0], expected, atol=1e-6)


def test_a_bound_does_not_wear_the_parameters_down():
    predictor = build({**AFFINE, "layers": ("bias", "fc"), "bound": "tanh"})
    before = {name: value.clone() for name, value in predictor.state_dict().items()}
    for _ in range(3):
        predictor((z(),))
    assert all(torch.equal(value, before[name]) for name, value in predictor.state_dict().items())


def test_bad_options():
    for layers in ((), ("fc", "fc"), ("mlp",)):
        with pytest.raises(ValueError, match="AffinePredictor.layers"):
            build({**AFFINE, "layers": layers})
    with pytest.raises(ValueError, match="AffinePredictor.bound='relu'"):
        build({**AFFINE, "bound": "relu"})
    with pytest.raises(ValueError, match="DirectPredictor.momentum .* found 1"):
        build({**DIRECT, "momentum": 1.0})
    with pytest.raises(ValueError, match="DirectPredictor.interval must be at least 1, found 0"):
        build({**DIRECT, "interval": 0})


def test_directpred_has_the_eigenvectors_of_the_correlation():
    predictor = build(DIRECT)
    rows = z(64)
    predictor((rows,))
    correlation = rows.T @ rows / 64
    values, vectors = torch.linalg.eigh(correlation)
    wanted = (values.clamp(min=0) / values[-1]).sqrt() + 0.01
    assert torch.allclose(predictor.correlation, correlation, atol=1e-5)
    assert torch.allclose(predictor.weight, vectors * wanted @ vectors.T, atol=1e-4)
    assert torch.allclose(predictor((rows,))[0], rows @ predictor.weight)
    assert not list(predictor.parameters())


def test_correlation_moves_with_its_momentum_in_training_only():
    predictor = build(DIRECT)
    first, second = z(8), 2 * z(8) + 1
    predictor((first,))
    predictor((second,))
    expected = 0.3 * first.T @ first / 8 + 0.7 * second.T @ second / 8
    assert torch.allclose(predictor.correlation, expected, atol=1e-4)
    predictor.eval()
    predictor((first,))
    assert torch.allclose(predictor.correlation, expected, atol=1e-4)


def test_directcopy_and_the_centred_correlation():
    rows = z(64) + 3.0
    copy = build({**DIRECT, "copy": True})
    copy((rows,))
    correlation = rows.T @ rows / 64
    expected = correlation / torch.linalg.matrix_norm(correlation, 2) + 0.01 * torch.eye(D)
    assert torch.allclose(copy.weight, expected, atol=1e-5)
    centred = build({**DIRECT, "copy": True, "centred": True})
    centred((rows,))
    covariance = torch.cov(rows.T, correction=0)
    expected = covariance / torch.linalg.matrix_norm(covariance, 2) + 0.01 * torch.eye(D)
    assert torch.allclose(centred.weight, expected, atol=1e-3)


def test_a_new_matrix_every_interval():
    predictor = build({**DIRECT, "interval": 2})
    predictor((z(8),))
    before = predictor.weight.clone()
    predictor((5 * z(8) + 1,))
    assert torch.equal(predictor.weight, before)
    predictor((5 * z(8) + 1,))
    assert not torch.equal(predictor.weight, before)


def test_no_predictor_passes_gradients_to_a_computed_matrix_and_all_pass_them_on():
    for config in (DIRECT, AFFINE):
        rows = z().requires_grad_()
        build(config)((rows,))[0].square().sum().backward()
        assert bool((rows.grad != 0).any())


@pytest.mark.parametrize("spread", [0.05, 0.2, 0.4])
def test_a_bias_turns_to_the_centre_and_gives_the_signs_of_figure_5a(spread):
    # Vectors spread around one direction; two views of each, not quite the same.
    generator = torch.Generator().manual_seed(0)
    centre = F.normalize(torch.randn(1, D, generator=generator), dim=1)
    images, first, second = spread * torch.randn(3, 256, D, generator=generator)
    z_a = F.normalize(centre + images + 0.5 * first, dim=1)  # [M, D]
    z_b = F.normalize(centre + images + 0.5 * second, dim=1)  # [M, D]
    bias = _trained_bias(z_a, z_b)
    p_b = F.normalize(z_b + bias, dim=1)  # [M, D]
    o_z, o_p = z_b.mean(dim=0), p_b.mean(dim=0)  # [D]
    assert F.cosine_similarity(bias, o_z, dim=0) > 0.95
    assert centre_share(o_z - o_p, o_p) < 0 < centre_share(o_p - o_z, o_z)
    assert _trained_bias(z_b, z_b).norm() < 1e-3 * bias.norm()


def _trained_bias(z_a, z_b):
    """The bias at which predictions of ``z_a`` are nearest to ``z_b``, [D]."""
    predictor = build({**AFFINE, "layers": ("bias",)})
    optimiser = torch.optim.SGD(predictor.parameters(), lr=1.0)
    for _ in range(300):
        loss = -F.cosine_similarity(predictor((z_a,))[0], z_b, dim=1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return predictor.bias.detach()
