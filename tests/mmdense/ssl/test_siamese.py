"""The model of several views and InfoNCE, from mmdense alone."""

import math

import pytest
import torch
from torch.nn import functional as F

import mmdense  # noqa: F401
from mmdense.registry import MODELS
from mmdense.ssl.losses import infonce_losses, unit_vectors


def views(number=2):
    """Projections of six images with 12 channels."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(6, 12, generator=generator) + 0.4 for _ in range(number)]


def test_infonce_equals_a_loop():
    z_a, z_b = (unit_vectors(view.double()) for view in views())
    for i, value in enumerate(infonce_losses(z_a, z_b, temperature=0.2)):
        terms = [math.exp(float(z_a[i] @ other) / 0.2) for other in z_b]
        assert float(value) == pytest.approx(-math.log(terms[i] / sum(terms)))


def test_infonce_head_takes_both_directions():
    head = MODELS.build({"type": "mmdense.InfoNCEHead", "temperature": 0.2})
    z_a, z_b = (F.normalize(view, dim=1) for view in views())
    parts = [infonce_losses(*pair, temperature=0.2).mean() for pair in ((z_a, z_b), (z_b, z_a))]
    assert torch.allclose(head.loss(views(), [])["loss"], 0.5 * (parts[0] + parts[1]))
    with pytest.raises(ValueError, match="InfoNCEHead needs two views, found 3"):
        head.loss(views(3), [])
    for temperature in (0, -0.1):
        with pytest.raises(ValueError, match="InfoNCEHead.temperature must be positive"):
            MODELS.build({"type": "mmdense.InfoNCEHead", "temperature": temperature})


def test_a_model_trains_end_to_end_with_config_alone():
    torch.manual_seed(0)
    backbone = dict(type="mmpretrain.ResNet", depth=18, base_channels=8, stem_channels=8)
    neck = dict(type="mmpretrain.NonLinearNeck", in_channels=64, hid_channels=16, out_channels=12)
    model = MODELS.build(
        dict(
            type="mmdense.SiameseViews",
            backbone=backbone,
            neck=dict(neck, norm_cfg=dict(type="BN1d")),
            head=dict(type="mmdense.InfoNCEHead"),
        )
    )
    images = [torch.randn(4, 3, 32, 32) for _ in range(2)]
    model.loss(images, [])["loss"].backward()
    assert all(weight.grad is not None for weight in model.parameters())
    with pytest.raises(ValueError, match="list of two views or more, found one tensor"):
        model.loss(images[0], [])
    with pytest.raises(ValueError, match="found 1"):
        model.loss(images[:1], [])
