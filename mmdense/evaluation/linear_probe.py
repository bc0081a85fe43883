"""Linear probe: multinomial logistic regression on frozen features.

    minimise over W, b:   mean over i of  -log softmax(W z_i + b)[label_i]  +  strength / 2 |W|^2

with z the standardised features (mean 0, variance 1 on the training set).

The problem is convex, so it has one solution and needs no schedule. The protocol differs from that
of the papers (He et al. 2020, MoCo, section 4.1: SGD for 100 epochs on augmented crops, with the
best learning rate on the test set): features are extracted once, without augmentation, and the
strength is selected on a part of the training set. Kornblith et al. 2019 ("Do Better ImageNet
Models Transfer Better?", section 3) use logistic regression in this way. Do not compare scores of
the two protocols.

Letters: N images, D feature channels, C classes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

STRENGTHS = tuple(10.0**exponent for exponent in range(-6, 2))
HELD_OUT = 0.2  # of the images of each class

_ITERATIONS = 500  # of L-BFGS, for each fit


class LinearProbe(NamedTuple):
    """A fitted probe.

    Attributes:
        weight: W. [C, D]
        bias: b. [C]
        mean: Of the training features. [D]
        deviation: Standard deviation of the training features, 1 for constant channels. [D]
        strength: The selected strength.
        held_out: Top-1 accuracy on the held-out part for each strength, in percent.
    """

    weight: Tensor
    bias: Tensor
    mean: Tensor
    deviation: Tensor
    strength: float
    held_out: dict[float, float]

    def scores(self, features: Tensor) -> Tensor:
        """Return the logits, [N, C], of features [N, D]."""
        return (features - self.mean) / self.deviation @ self.weight.T + self.bias

    def to(self, device: str | torch.device) -> "LinearProbe":
        """Return the probe with its tensors on a device."""
        weight, bias = self.weight.to(device), self.bias.to(device)
        mean, deviation = self.mean.to(device), self.deviation.to(device)
        return self._replace(weight=weight, bias=bias, mean=mean, deviation=deviation)


def fit_linear_probe(
    features: Tensor,
    labels: Tensor,
    *,
    num_classes: int,
    strengths: Sequence[float] = STRENGTHS,
    seed: int = 0,
    held_out: Tensor | None = None,
) -> LinearProbe:
    """Select the strength on a part of the images, then fit on all of them.

    The result is deterministic for given features, labels and seed. Among equally good strengths,
    the largest is selected.

    Args:
        features: Features of training images. [N, D]
        labels: From 0 to C - 1. [N]
        num_classes: C.
        strengths: Candidates for the L2 penalty.
        seed: Seed for the selection of held-out images.
        held_out: Mask of the images that select the strength. Default: a fifth of every class. [N]

    Raises:
        ValueError: Shapes, labels or features are invalid; there are fewer than two classes; or no
            class has two images.
    """
    _check(features, labels, num_classes)
    held = _held_out_mask(labels, seed) if held_out is None else held_out  # [N]
    mean, deviation = _moments(features[~held])
    fitting, checking = ((features[part] - mean) / deviation for part in (~held, held))
    accuracies: dict[float, float] = {}
    zeros = features.new_zeros(num_classes, features.shape[1]), features.new_zeros(num_classes)
    weight, bias = zeros
    for strength in sorted(strengths, reverse=True):  # each fit starts from the previous one
        weight, bias = _minimise(fitting, labels[~held], weight, bias, strength)
        hits = (checking @ weight.T + bias).argmax(dim=1) == labels[held]
        accuracies[strength] = 100.0 * hits.double().mean().item()
    best = max(accuracies, key=lambda strength: (accuracies[strength], strength))
    mean, deviation = _moments(features)
    weight, bias = _minimise((features - mean) / deviation, labels, *zeros, best)
    return LinearProbe(weight, bias, mean, deviation, best, accuracies)


def _minimise(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, strength: float
) -> tuple[Tensor, Tensor]:
    """L-BFGS from ``weight`` [C, D] and ``bias`` [C], which are not changed."""
    weight = weight.clone().requires_grad_()
    bias = bias.clone().requires_grad_()
    optimiser = torch.optim.LBFGS(
        [weight, bias],
        max_iter=_ITERATIONS,
        history_size=10,  # the default of 100 takes up to ten times as long, for the same minimum
        tolerance_grad=1e-5,
        tolerance_change=1e-8,
        line_search_fn="strong_wolfe",
    )

    def objective() -> Tensor:
        optimiser.zero_grad()
        penalty = 0.5 * strength * weight.square().sum()
        loss = F.cross_entropy(features @ weight.T + bias, labels) + penalty
        loss.backward()
        return loss

    with torch.enable_grad():
        optimiser.step(objective)
    return weight.detach(), bias.detach()


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over images, [D] each; 1 for constant channels."""
    deviation, mean = torch.std_mean(features, dim=0, correction=0)
    return mean, torch.where(deviation > 1e-6 * mean.abs() + 1e-12, deviation, 1.0)


def _held_out_mask(labels: Tensor, seed: int) -> Tensor:
    """Mask, [N], of a random ``HELD_OUT`` of each class, at least one image if it has two."""
    generator = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(len(labels), generator=generator).to(labels.device)  # [N]
    held = torch.zeros(len(labels), dtype=torch.bool, device=labels.device)
    for label in labels.unique():
        members = shuffled[labels[shuffled] == label]
        count = max(round(HELD_OUT * len(members)), 1) if len(members) > 1 else 0
        held[members[:count]] = True
    return held


def _check(features: Tensor, labels: Tensor, num_classes: int) -> None:
    if features.ndim != 2 or labels.shape != features.shape[:1]:
        raise ValueError(
            "expected features [N, D] and labels [N], "
            f"found {tuple(features.shape)} and {tuple(labels.shape)}"
        )
    bad = (~features.isfinite()).any(dim=1).sum().item()
    if bad:
        raise ValueError(f"{bad} of {len(features)} features contain NaN or infinity")
    found, counts = labels.unique(return_counts=True)
    if len(found) < 2:
        raise ValueError(f"a probe needs at least two classes, found {found.tolist()}")
    if found[0] < 0 or found[-1] >= num_classes:
        raise ValueError(
            f"labels must be from 0 to {num_classes - 1}, found {int(found[0])} to {int(found[-1])}"
        )
    if counts.max() < 2:
        raise ValueError("no class has two images, but one is needed to select the strength")
