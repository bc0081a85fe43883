"""Explicit expectations over augmentations."""

import pytest
import torch
from mmengine.structures import BaseDataElement
from torch.nn import functional as F

from tests.simsiam_decomp.small_views import build, cosine, gradients, same, views


def samples(*indices):
    return [BaseDataElement(metainfo={"sample_idx": index}) for index in indices]


def test_same_batch_expectation_is_the_mean_of_the_other_views():
    given = views(number=4)
    found, _ = gradients(build({"type": "mmdense.SameBatchExpectationHead"}), given)
    target = sum(F.normalize(view, dim=1) for view in given[1:]).detach()
    (expected,) = torch.autograd.grad(cosine(given[0], target), given[0])
    assert same(found[0], expected)
    assert found[1:] == [None, None, None]
    with pytest.raises(ValueError, match="found 2"):
        build({"type": "mmdense.SameBatchExpectationHead"}).loss(given[:2], [])


AVERAGE = {"type": "mmdense.MovingAverageHead", "num_images": 9, "channels": 12}


def test_moving_average_pulls_towards_the_past_and_then_moves():
    head = build(AVERAGE)
    before = head.average.clone()
    given = views(count=3)
    loss = head.loss(given, samples(4, 0, 8))["loss"]
    assert torch.allclose(loss, (given[0] - before[[4, 0, 8]]).square().mean())
    expected = before.clone()
    expected[[4, 0, 8]] = 0.8 * before[[4, 0, 8]] + 0.2 * given[1].detach()
    assert torch.allclose(head.average, expected)
    loss.backward()
    assert given[1].grad is None


def test_moving_average_by_cosine():
    head = build({**AVERAGE, "cosine": True})
    before = head.average.clone()
    given = views(count=2)
    loss = head.loss(given, samples(1, 2))["loss"]
    assert torch.allclose(loss, cosine(given[0], before[[1, 2]]))


def test_moving_average_knows_its_images():
    given = views(count=2)
    for missing in ([], None, [BaseDataElement(), BaseDataElement()]):
        with pytest.raises(ValueError, match="sample_idx"):
            build(AVERAGE).loss(given, missing)
    with pytest.raises(ValueError, match="image 9, .*num_images=9"):
        build(AVERAGE).loss(given, samples(0, 9))
