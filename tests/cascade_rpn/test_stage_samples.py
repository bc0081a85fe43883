import numpy as np
import pytest
import torch

from mmdense.registry import TRANSFORMS
from projects.cascade_rpn.region_targets import Levels
from projects.cascade_rpn.stage_samples import AnchorRule, RegionAssigner, build_rules
from tests.cascade_rpn.small_head import IOU, REGION, build_head, features

MAPS = features()


def anchors(ratios=(1.0,)):
    head = build_head(ratios=ratios)
    return head._pyramid(MAPS, [{"img_shape": (64, 96)}] * 2)


def assign(objects, ignored=(), ratios=(1.0,), valid=None, **options):
    pyramid = anchors(ratios)
    none = torch.zeros(0, 4)
    objects = [torch.tensor(o, dtype=torch.float32).reshape(-1, 4) for o in objects]
    ignored = [torch.tensor(i).float().reshape(-1, 4) for i in ignored] or [none] * 2
    valid = pyramid.valid if valid is None else valid
    return RegionAssigner(**options).assign(
        pyramid.anchors, valid, pyramid.levels, objects, ignored
    )


def test_ignored_regions_hold_no_negatives_and_leave_positives():
    # The published code raises NotImplementedError and its head drops the regions.
    plain = assign([[[8, 8, 40, 40]], []])
    crowd = assign([[[8, 8, 40, 40]], []], ignored=[[[0, 0, 95, 63]], [[0, 0, 30, 30]]])
    assert torch.equal(plain > 0, crowd > 0)
    assert not (crowd[0] == 0).any()
    # 0..30 px: 8 x 8 cells of stride 4, 4 x 4 of stride 8, 2 x 2 of stride 16.
    assert (crowd[1] == -1).sum() == 64 + 16 + 4


def test_an_image_without_objects_keeps_invalid_anchors_ignored():
    valid = torch.ones_like(anchors().valid)
    valid[:, ::2] = False
    target = assign([[], []], valid=valid)
    assert (target[~valid] == -1).all()
    assert (target[valid] == 0).all()


def test_of_several_anchors_at_a_cell_the_nearest_shape_is_positive():
    tall, wide = [40, 0, 56, 64], [0, 24, 64, 40]
    target = assign([[tall], [wide]], ratios=(0.5, 1.0, 2.0))  # ratio: height by width
    for image, anchor in ((0, 2), (1, 0)):
        positive = (target[image] > 0).nonzero()[:, 0]
        assert len(positive) > 0
        assert (positive % 3 == anchor).all()
        cells = target[image].view(-1, 3)[positive // 3]
        assert (cells.sort(1).values[:, :2] == -1).all()


def test_region_samples_are_all_boxes_or_those_of_a_sampler():
    pyramid = anchors()
    objects = [torch.tensor([[8.0, 8, 40, 40]]), torch.tensor([[30.0, 10, 90, 60]])]
    given = (pyramid.anchors, pyramid.valid, pyramid.levels, objects, [torch.zeros(0, 4)] * 2)
    every = AnchorRule(REGION["assigner"]).samples(*given)
    image = every.positive // pyramid.anchors.shape[1]
    assert set(image.tolist()) == {0, 1}
    assert torch.equal(every.objects, torch.cat(objects)[image])
    assert not set(every.positive.tolist()) & set(every.negative.tolist())
    chosen = AnchorRule(REGION["assigner"], IOU["sampler"]).samples(*given)
    assert chosen.positive.sort().values.equal(every.positive)
    assert chosen.objects.unique(dim=0).equal(torch.cat(objects))
    assert len(chosen.negative) == 2 * 64 - len(every.positive) < len(every.negative)
    assert set(chosen.negative.tolist()) <= set(every.negative.tolist())


def test_rules_of_mmdetection_get_valid_boxes_and_number_them_through_the_batch():
    pyramid = anchors()
    valid = pyramid.valid.clone()
    valid[1, : valid.shape[1] // 2] = False
    objects = [torch.tensor([[8.0, 8, 40, 40]]), torch.tensor([[16.0, 0, 80, 64]])]
    none = [torch.zeros(0, 4)] * 2
    chosen = AnchorRule(**IOU).samples(pyramid.anchors, valid, pyramid.levels, objects, none)
    both = torch.cat((chosen.positive, chosen.negative))
    assert valid.flatten()[both].all()
    assert len(both) == 2 * 64
    boxes = pyramid.anchors.flatten(0, 1)[chosen.positive]
    shared = torch.minimum(boxes[:, 2:], chosen.objects[:, 2:]) - torch.maximum(
        boxes[:, :2], chosen.objects[:, :2]
    )
    assert (shared > 0).all()


def test_rules_of_mmdetection_use_ignored_regions():
    pyramid = anchors()
    objects = [torch.tensor([[8.0, 8, 40, 40]])] * 2
    everything = [torch.tensor([[-500.0, -500, 600, 600]])] * 2
    chosen = AnchorRule(**IOU).samples(
        pyramid.anchors, pyramid.valid, pyramid.levels, objects, everything
    )
    assert len(chosen.negative) == 0


def test_bad_input():
    with pytest.raises(ValueError, match="ignore_ratio"):
        RegionAssigner(center_ratio=0.6)
    with pytest.raises(ValueError, match="no cell"):
        AnchorRule(IOU["assigner"], {**IOU["sampler"], "add_gt_as_proposals": True})
    with pytest.raises(ValueError, match=r"train_cfg.rpn\[1\].*allowed_border"):
        build_rules([REGION, {**REGION, "allowed_border": -1}], stages=2)
    with pytest.raises(ValueError, match=r"train_cfg.rpn\[0\].*argument: 'assigner'"):
        build_rules([{}], stages=1)


def test_one_class_sets_every_label_to_zero():
    labels, boxes = np.array([3, 0, 9]), object()
    given = {"gt_bboxes_labels": labels, "gt_bboxes": boxes}
    results = TRANSFORMS.build({"type": "mmdense.OneClass"})(given)
    assert results["gt_bboxes_labels"].tolist() == [0, 0, 0]
    assert results["gt_bboxes_labels"].dtype == labels.dtype
    assert results["gt_bboxes"] is boxes


def test_levels_have_the_sizes_of_the_anchors():
    levels = anchors((0.5, 2.0)).levels
    assert isinstance(levels, Levels)
    assert levels.anchor_sizes == pytest.approx([32, 64, 128])
