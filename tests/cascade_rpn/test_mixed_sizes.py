"""A batch of images of mixed sizes gives the results of each image without its padding.

The maps have zeros beyond an image, as a convolution reads beyond a map. Features of a backbone are
not zero there, and what reads across the edge of an image depends on them, as in MMDetection.
"""

import pytest
import torch
import torch.nn.functional as F

from projects.cascade_rpn.stage_samples import objects_of
from tests.cascade_rpn.small_head import IOU, REGION, STRIDES, build_head, features, samples, stage

HEIGHT, WIDTH = 96, 128
# The last box of the second image is a sliver at its far edge, the nearest cell is in the padding.
IMAGES = {
    (32, 48): [[4.0, 4, 30, 30]],
    (96, 52): [[8.0, 10, 44, 80], [49.0, 20, 52, 40]],
    (64, 128): [[20.0, 8, 60, 50], [70.0, 20, 120, 60]],
    (24, 40): [],
}
ALL = {"assigner": IOU["assigner"]}  # without a sampler, so nothing is drawn
HEADS = {
    "one stage": ([stage("dilated", adapt={"kind": "dilated", "dilation": 3})], [REGION]),
    "adaptive": ([stage("none", False, normalizer="positives"), stage()], [REGION, ALL]),
    "bridged": (
        [stage("dilated", False, bridged=True, normalizer="anchors"), stage("none")],
        [REGION, ALL],
    ),
}


def keep_middle_tap(of_stage):
    """Features of a cell from the map at that cell only."""
    weight = of_stage.rpn_conv["conv"].weight
    middle = torch.zeros_like(weight)
    middle[:, :, 1, 1] = 1
    weight.data *= middle


@pytest.fixture(params=HEADS)
def head(request):
    made = build_head(*HEADS[request.param])
    if request.param == "bridged":  # the features that it reads are no zeros beyond an image
        keep_middle_tap(made.stages[1])
    return made


def alone():
    """Maps and data of each image, without padding."""
    for number, (size, boxes) in enumerate(IMAGES.items()):
        yield features(*size, images=1, seed=number), samples(boxes, size=size)


def together(beyond=0.0):
    """Maps and data of the batch, the maps with a value beyond each image."""
    images = list(alone())
    maps = []
    for level, stride in enumerate(STRIDES):
        padded = []
        for one, _ in images:
            height, width = one[level].shape[2:]
            sides = (0, WIDTH // stride - width, 0, HEIGHT // stride - height)
            padded.append(F.pad(one[level], sides, value=beyond))
        maps.append(torch.cat(padded))
    return maps, [data[0] for _, data in images]


def norms(head, maps, data):
    """Divisor of the losses of each stage, from its definition."""
    metas = [sample.metainfo for sample in data]
    pyramid = head._pyramid(maps, metas)
    found = []
    for of_stage, rule, step in zip(head.stages, head.rules, head.walk(maps, metas), strict=True):
        chosen = rule.samples(step.boxes, pyramid.valid, pyramid.levels, *objects_of(data))
        number = {
            "samples": len(chosen.positive) + len(chosen.negative),
            "positives": len(chosen.positive),
            "anchors": pyramid.valid.numel() / 200,  # those of the padding too, as published
        }[of_stage.loss.normalizer]
        found.append(max(number, 1.0))
    return found


def test_the_losses_are_those_of_the_images_without_padding(head):
    expected = {}
    for maps, data in alone():
        parts = norms(head, maps, data)
        for name, value in head.loss(maps, data).items():
            expected[name] = expected.get(name, 0) + value.item() * parts[int(name[1])]
    maps, data = together()
    whole = norms(head, maps, data)
    for name, value in head.loss(maps, data).items():
        assert value > 0
        assert value.item() == pytest.approx(expected[name] / whole[int(name[1])], rel=1e-5)


def test_the_proposals_are_those_of_the_images_without_padding(head):
    found = head.predict(*together())
    for (maps, data), padded in zip(alone(), found, strict=True):
        (one,) = head.predict(maps, data)
        assert len(one) > 0
        torch.testing.assert_close(padded.bboxes, one.bboxes)
        torch.testing.assert_close(padded.scores, one.scores)


@pytest.mark.parametrize("beyond", [-1.0, 100.0])
def test_what_the_padding_holds_changes_nothing(beyond):
    head = build_head([stage("none", False, bridged=True), stage("none")], [REGION, ALL])
    for one in head.stages:
        keep_middle_tap(one)
    maps, data = together()
    others, _ = together(beyond)
    losses, proposals = head.loss_and_predict(maps, data)
    other_losses, other_proposals = head.loss_and_predict(others, data)
    for name, value in losses.items():
        torch.testing.assert_close(other_losses[name], value)
    for one, other in zip(proposals, other_proposals, strict=True):
        torch.testing.assert_close(other.bboxes, one.bboxes)
        torch.testing.assert_close(other.scores, one.scores)
