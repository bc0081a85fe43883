"""Linear probe: its minimum, the selection of the strength, repeatability."""

import math

import pytest
import torch

from mmdense.evaluation.linear_probe import HELD_OUT, STRENGTHS, _held_out_mask, fit_linear_probe
from mmdense.evaluation.probes import top_k_accuracy
from tests.references.linear_probe_loop import objective_loop


def clusters(n, d, classes, spread, seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % classes
    centres = torch.randn(classes, d, generator=generator)
    return centres[labels] + spread * torch.randn(n, d, generator=generator), labels


def test_no_step_from_the_solution_makes_the_objective_smaller():
    features, labels = clusters(60, 3, 3, spread=1.0)
    probe = fit_linear_probe(features.double(), labels, num_classes=3, strengths=[0.01])
    z = ((features - probe.mean) / probe.deviation).tolist()

    def objective(weight, bias):
        return objective_loop(z, labels.tolist(), weight.tolist(), bias.tolist(), 0.01)

    smallest = objective(probe.weight, probe.bias)
    generator = torch.Generator().manual_seed(1)
    for _ in range(30):
        step = 0.01 * torch.randn(3, 4, generator=generator, dtype=torch.float64)
        assert objective(probe.weight + step[:, :3], probe.bias + step[:, 3]) > smallest


def test_hand_case():
    # Feature +1 for class 1, -1 for class 0, two of each; already standardised. By symmetry
    # W = (-w, w), b = 0, and the gradient of log(1 + exp(-2w)) + strength * w^2 vanishes:
    #   -2 / (1 + exp(2w)) + 2 strength w = 0;  strength = 1 / (1 + e^2) = 0.1192 gives w = 1.
    features = torch.tensor([[-1.0], [-1.0], [1.0], [1.0]], dtype=torch.float64)
    labels = torch.tensor([0, 0, 1, 1])
    strength = 1 / (1 + math.exp(2))
    probe = fit_linear_probe(features, labels, num_classes=2, strengths=[strength])
    expected = torch.tensor([[-1.0], [1.0]], dtype=torch.float64)
    torch.testing.assert_close(probe.weight, expected, rtol=1e-4, atol=1e-4)
    # Two equal biases may differ from 0 together, they do not enter the softmax.
    assert probe.bias[0].item() == pytest.approx(probe.bias[1].item(), abs=1e-4)


def test_scale_and_offset_of_features_do_not_matter():
    features, labels = clusters(200, 5, 4, spread=1.5)
    features = features.double()
    scale = torch.tensor([1.0, 10.0, 0.01, 1000.0, 3.0], dtype=torch.float64)
    once = fit_linear_probe(features, labels, num_classes=4)
    again = fit_linear_probe(features * scale + 7, labels, num_classes=4)
    torch.testing.assert_close(
        once.scores(features), again.scores(features * scale + 7), rtol=1e-3, atol=1e-3
    )
    assert once.strength == again.strength


def test_a_channel_that_does_not_vary_is_harmless():
    features, labels = clusters(100, 4, 2, spread=0.3)
    features[:, 2] = 123.456
    probe = fit_linear_probe(features, labels, num_classes=2)
    assert probe.deviation[2] == 1
    assert probe.scores(features).isfinite().all()
    assert top_k_accuracy(probe.scores(features), labels) == 100.0


def test_same_input_same_bits_and_the_seed_decides_what_is_held_out():
    features, labels = clusters(150, 6, 3, spread=2.0)
    first = fit_linear_probe(features, labels, num_classes=3)
    second = fit_linear_probe(features, labels, num_classes=3)
    assert torch.equal(first.weight, second.weight)
    assert first.held_out == second.held_out
    other = fit_linear_probe(features, labels, num_classes=3, seed=1)
    assert other.held_out != first.held_out


def test_held_out_part_of_every_class():
    labels = torch.tensor([0] * 50 + [1] * 10 + [2] * 2 + [3])
    held = _held_out_mask(labels, seed=0)
    per_class = [int(held[labels == label].sum()) for label in range(4)]
    assert per_class == [round(50 * HELD_OUT), round(10 * HELD_OUT), 1, 0]


def test_noise_asks_for_the_strongest_penalty_and_stays_near_chance():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(600, 64, generator=generator)
    labels = torch.randint(5, (600,), generator=generator)
    probe = fit_linear_probe(features[:400], labels[:400], num_classes=5)
    assert set(probe.held_out) == set(STRENGTHS)
    best = max(probe.held_out.values())
    assert probe.strength == max(s for s in STRENGTHS if probe.held_out[s] == best)
    accuracy = top_k_accuracy(probe.scores(features[400:]), labels[400:])
    assert 10 <= accuracy <= 30  # chance: 20 +- 2.8 for 200


def test_a_class_without_images_is_allowed():
    features, labels = clusters(40, 3, 2, spread=0.05)
    probe = fit_linear_probe(features, labels, num_classes=5)
    assert probe.scores(features).shape == (40, 5)
    assert top_k_accuracy(probe.scores(features), labels) == 100.0


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (torch.zeros(4), torch.zeros(4, dtype=torch.long), r"features \[N, D\]"),
        (torch.zeros(4, 2), torch.zeros(3, dtype=torch.long), r"\(4, 2\) and \(3,\)"),
        (torch.full((4, 2), math.nan), torch.tensor([0, 0, 1, 1]), "4 of 4 features contain NaN"),
        (torch.zeros(4, 2), torch.zeros(4, dtype=torch.long), r"two classes.*found \[0\]"),
        (torch.zeros(4, 2), torch.tensor([0, 0, 1, 3]), "labels must be from 0 to 2, found 0 to 3"),
        (torch.zeros(4, 2), torch.tensor([-1, 0, 1, 2]), "found -1 to 2"),
        (torch.zeros(2, 2), torch.tensor([0, 1]), "no class has two images"),
    ],
)
def test_bad_input(features, labels, message):
    with pytest.raises(ValueError, match=message):
        fit_linear_probe(features, labels, num_classes=3)
