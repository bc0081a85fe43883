"""Two small views, predictors and gradients, for the tests."""

import torch
from torch.nn import functional as F

import projects.simsiam_decomp  # noqa: F401
from mmdense.registry import MODELS

D = 12
MLP = {
    "type": "mmpretrain.NonLinearNeck",
    "in_channels": D,
    "hid_channels": 8,
    "out_channels": D,
    "norm_cfg": {"type": "LN"},
    "with_avg_pool": False,
    "with_last_bn": False,
    "with_last_bias": True,
}
FC = {"type": "mmdense.AffinePredictor", "channels": D, "layers": ("fc",)}


def views(count=6, number=2, seed=0):
    """Projections of images in ``number`` views, as leaves."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.randn(count, D, generator=generator) + 0.5
    noise = [0.5 * torch.randn(count, D, generator=generator) for _ in range(number)]
    return [(image + part).requires_grad_() for part in noise]


def build(config, seed=0):
    """A head whose weights are the same in every call."""
    torch.manual_seed(seed)
    return MODELS.build(config)


def total(losses):
    return sum(value for key, value in losses.items() if "loss" in key)


def gradients(head, given, samples=()):
    """Gradients of the summed losses on the views and on the head's parameters."""
    head.zero_grad()
    for view in given:
        view.grad = None
    total(head.loss(given, list(samples))).backward()
    weights = {name: weight.grad for name, weight in head.named_parameters()}
    return [view.grad for view in given], weights


def cosine(a, b):
    return -F.cosine_similarity(a, b, dim=1).mean()


def same(found, expected):
    """Both None, or close; also for lists."""
    if isinstance(found, list | tuple):
        return all(same(*pair) for pair in zip(found, expected, strict=True))
    if found is None or expected is None:
        return found is expected
    return torch.allclose(found, expected, atol=1e-7)
