"""Heads with negatives."""

import pytest
import torch
from torch.nn import functional as F

from tests.simsiam_decomp.small_views import build, views


def test_dual_temperature_head_with_one_temperature_is_infonce():
    given = views()
    dual = {"type": "mmdense.DualTemperatureHead", "temperature": 0.2, "inter_temperature": 0.2}
    infonce = {"type": "mmdense.InfoNCEHead", "temperature": 0.2}
    found, expected = (build(config).loss(given, [])["loss"] for config in (dual, infonce))
    assert torch.allclose(found, expected)


def test_each_image_is_a_negative_once_and_of_another_image():
    from projects.simsiam_decomp.contrastive_heads import other_image

    rows = torch.arange(7.0)[:, None]
    seen = set()
    for seed in range(40):
        torch.manual_seed(seed)
        found = other_image(rows)
        assert sorted(found.flatten().tolist()) == rows.flatten().tolist()
        assert not bool((found == rows).any())
        seen.add(float(found[0]))
    assert seen == {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}


def test_triplet_stops_the_gradient_of_targets_by_default():
    z_a, z_b = views()
    stopped = build({"type": "mmdense.TripletHead"})
    free = build({"type": "mmdense.TripletHead", "stop_gradient": False})
    gradients = []
    for head in (stopped, free):
        torch.manual_seed(1)
        gradients.append(torch.autograd.grad(head.loss([z_a, z_b], [])["loss"], z_a)[0])
    assert not torch.allclose(*gradients)
    # Z_a is in both directions of the free loss: once as anchor, once in the target.
    torch.manual_seed(1)
    shift = [int(torch.randint(1, 6, (1,))) for _ in range(2)]
    a, b = F.normalize(z_a, dim=1), F.normalize(z_b, dim=1)
    target = b - b.roll(shift[0], 0)
    expected = torch.autograd.grad(-0.5 * (a * target.detach()).sum(dim=1).mean(), z_a)[0]
    assert torch.allclose(gradients[0], expected)


def test_bad_options_and_one_image():
    for temperature in (0, -0.1):
        with pytest.raises(
            ValueError, match="DualTemperatureHead.temperature and inter_temperature must be"
        ):
            build({"type": "mmdense.DualTemperatureHead", "inter_temperature": temperature})
    with pytest.raises(ValueError, match="found 1.*train_dataloader.batch_size"):
        build({"type": "mmdense.TripletHead"}).loss(views(count=1), [])
