import pytest
import torch
from mmdet.structures.bbox import bbox_overlaps

from mmdense.registry import MODELS
from tests.cascade_rpn.small_head import (
    IOU,
    REGION,
    STRIDES,
    TEST,
    build_head,
    features,
    head_config,
    samples,
    stage,
)

LEARNED = stage("learned")
STAGES = {
    "one": [stage("dilated", adapt={"kind": "dilated", "dilation": 3})],
    "published": None,
    "three": [
        stage("dilated", False, bridged=True, normalizer="anchors"),
        stage("adaptive", False, bridged=True),
        stage("adaptive"),
    ],
    "classifier everywhere": [stage("none", bridged=True), stage("adaptive")],
    "not bridged": [stage("none", False), stage("none")],
    "learned offsets": [stage("none", False), LEARNED],
    "five by five": [
        stage("dilated", False, bridged=True),
        stage(adapt={"kind": "adaptive", "kernel_size": 5, "groups": 2, "bias": True}),
    ],
}


def detached(losses):
    return {name: value.item() for name, value in losses.items()}


@pytest.mark.parametrize("name", STAGES)
def test_trains_and_predicts_with_any_stages(name):
    stages = STAGES[name]
    head = build_head(stages, [REGION] + [IOU] * (len(stages or (1, 2)) - 1))
    losses, proposals = head.loss_and_predict(features(), samples(), TEST)
    sum(losses.values()).backward()
    for parameter_name, parameter in head.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
    assert set(losses) >= {"s0.loss_rpn_reg", f"s{len(head.stages) - 1}.loss_rpn_cls"}
    assert all(0 < len(found) <= TEST["max_per_img"] for found in proposals)


def test_loss_and_predict_are_loss_and_predict():
    head, x = build_head(), features()
    torch.manual_seed(0)
    losses, proposals = head.loss_and_predict(x, samples(), TEST)
    torch.manual_seed(0)
    assert detached(losses) == detached(head.loss(x, samples()))
    for a, b in zip(proposals, head.predict(x, samples())):
        assert torch.equal(a.bboxes, b.bboxes)
        assert torch.equal(a.scores, b.scores)
    assert not proposals[0].bboxes.requires_grad


def test_the_walk_hands_on_detached_boxes_that_stay_in_the_image():
    head = build_head()
    metas = [sample.metainfo for sample in samples()]
    steps = head.walk(features(), metas)
    first, second = (step.boxes for step in steps)
    # Level 0: cell (0, 0), side 32, centred at the origin.
    assert first[0, 0].tolist() == [-16, -16, 16, 16]
    assert not second.requires_grad
    assert (second[..., :2] >= 0).all()
    assert (second[..., 2] <= 96).all()
    assert (second[..., 3] <= 64).all()
    moved = head.stages[0].decode(first, steps[0].deltas).clamp(min=0)
    moved = torch.minimum(moved, torch.tensor([96.0, 64, 96, 64]))
    torch.testing.assert_close(second, moved)


def test_proposals_of_every_stage():
    head, x = build_head(), features()
    metas = [sample.metainfo for sample in samples()]
    steps = head.walk(x, metas)
    cut = torch.tensor([96.0, 64, 96, 64])
    for index in (0, 1):
        found = head.predict(x, samples(), stage=index)[0]
        moved = head.stages[index].decode(steps[index].boxes[0], steps[index].deltas[0])
        moved = torch.minimum(moved.clamp(min=0), cut)
        best = steps[1].scores[0, :, 0].sigmoid().argmax()  # the only classifier
        torch.testing.assert_close(found.bboxes[0], moved[best])
        torch.testing.assert_close(found.scores[0], steps[1].scores[0, best, 0].sigmoid())
    with pytest.raises(IndexError, match="2 stages"):
        head.predict(x, samples(), stage=2)


def test_proposals_are_sorted_and_rescaled_to_pixels_of_the_original():
    head, x = build_head(), features()
    plain, rescaled = head.predict(x, samples())[0], head.predict(x, samples(), rescale=True)[0]
    torch.testing.assert_close(plain.bboxes / 2, rescaled.bboxes)
    assert (plain.scores.diff() <= 0).all()
    assert (plain.labels == 0).all()


@pytest.mark.parametrize("size", [(64, 96), (40, 96), (64, 30), (5, 7)])
def test_the_padding_of_a_batch_never_proposes(size):
    # Beside a larger image, cells beyond the image would take places of the best of each level.
    head, x = build_head(), features()
    height, width = size

    def score_the_padding(module, maps, scores):  # 0 in the image and 5 beyond it
        stride = 64 // scores.shape[2]
        scores = torch.full_like(scores, 5)
        scores[:, :, : -(-height // stride), : -(-width // stride)] = 0
        return scores

    head.stages[-1].rpn_cls.register_forward_hook(score_the_padding)
    found = head.predict(x, samples(size=size))[0]
    assert len(found) > 0
    assert (found.scores == 0.5).all()
    steps = head.walk(x, [s.metainfo for s in samples(size=size)])
    outside = ~head._pyramid(x, [s.metainfo for s in samples(size=size)]).valid
    # Anchors of the padding keep their size; refined ones would collapse at the image's edge.
    assert torch.equal(steps[1].boxes[outside], steps[0].boxes[outside])


@pytest.mark.parametrize("region", [REGION, IOU], ids=["region", "iou"])
def test_images_without_objects(region):
    head = build_head(train_cfg=[region, IOU])
    losses = head.loss(features(), samples([], []))
    assert losses["s0.loss_rpn_reg"] == losses["s1.loss_rpn_reg"] == 0
    assert losses["s1.loss_rpn_cls"] > 0
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in head.parameters())


def test_a_classifier_in_the_first_stage_learns_the_right_labels():
    # The published region targets call negatives 0, which is the label of objects.
    balanced = REGION | {"sampler": IOU["sampler"]}
    head = build_head([stage("none", bridged=True), stage("adaptive")], [balanced, IOU])
    optimizer = torch.optim.Adam(head.parameters(), lr=0.02)
    x, data = features(images=2), samples()
    for _ in range(30):
        optimizer.zero_grad()
        sum(head.loss(x, data).values()).backward()
        optimizer.step()
    scores = head.walk(x, [s.metainfo for s in data])[0].scores[..., 0]
    pyramid = head._pyramid(x, [s.metainfo for s in data])
    objects = [s.gt_instances.bboxes for s in data]
    none = [torch.zeros(0, 4)] * 2
    target = head.rules[0].assigner.assign(
        pyramid.anchors, pyramid.valid, pyramid.levels, objects, none
    )
    assert scores[target == 0].mean() < 0
    assert scores[target > 0].mean() - scores[target == 0].mean() > 1


def test_overfits_two_images():
    head = build_head(std=0.01)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.02)
    x, data = features(), samples()
    for _ in range(80):
        optimizer.zero_grad()
        sum(head.loss(x, data).values()).backward()
        optimizer.step()
    head.eval()
    for found, sample in zip(head.predict(x, data), data):
        overlaps = bbox_overlaps(found.bboxes[:10], sample.gt_instances.bboxes)
        assert (overlaps.max(0).values > 0.8).all()


@pytest.mark.parametrize("ratios", [(0.5, 2.0), (0.5, 1.0, 2.0)])
def test_several_anchors_at_each_cell(ratios):
    head = build_head(ratios=ratios)
    losses, proposals = head.loss_and_predict(features(), samples(), TEST)
    sum(losses.values()).backward()
    assert head.stages[1].rpn_reg.weight.shape[0] == 4 * len(ratios)
    assert head.stages[1].rpn_conv["conv"].deform_groups == len(ratios)
    assert all(p.grad.isfinite().all() for p in head.parameters())
    assert len(proposals[0]) > 0


def test_autocast_and_whole_models_in_bfloat16():
    head, x = build_head(), features()
    full = detached(head.loss(x, samples()))
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        half = detached(head.loss(x, samples()))
    assert half == pytest.approx(full, rel=0.15)
    proposals = head.bfloat16().predict([level.bfloat16() for level in x], samples())
    assert len(proposals[0]) > 0


@pytest.mark.parametrize("method", ["forward", "walk"])
def test_compiles_as_one_graph(method):
    head, x = build_head(strides=STRIDES[:2]), features()[:2]
    given = (x,) if method == "forward" else (x, [sample.metainfo for sample in samples()])
    eager = getattr(head, method)
    whole = torch.compile(eager, backend="aot_eager", fullgraph=True)  # raises at a break
    with torch.no_grad():
        expected, found = eager(*given), whole(*given)
    if method == "walk":  # the parts of all steps; the first has no scores
        expected, found = ([x for step in steps for x in step[::2]] for steps in (expected, found))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_nan_is_reported_at_prediction_and_reaches_the_loss():
    head, x = build_head(), features()
    x[0][0, 0, 3, 3] = float("nan")
    _, proposals = head.loss_and_predict(x, samples(), TEST)
    assert proposals[0].bboxes.isfinite().all()
    with pytest.raises(FloatingPointError, match=r"0\.jpg"):
        head.predict(x, samples())
    torch.nn.init.constant_(head.stages[0].rpn_reg.bias, float("inf"))
    assert not all(value.isfinite() for value in head.loss(features(), samples()).values())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train_cfg": [REGION]}, "rpn_head.stages has 2, train_cfg.rpn 1"),
        ({"train_cfg": [REGION, IOU, IOU]}, "rpn_head.stages has 2, train_cfg.rpn 3"),
        ({"train_cfg": REGION}, "rpn_head.stages has 2, train_cfg.rpn a single one"),
        ({"num_classes": 80}, "num_classes"),
        ({"stages": [stage(with_cls=False)]}, "with_cls=True"),
        ({"stages": [stage("deformable")]}, r"stages\[0\]: adapt.kind must be one of"),
        (
            {"stages": [stage(), stage(adapt={"kind": "none", "dilation": 2})]},
            r"stages\[1\]: adapt.kind='none' accepts \[\], found \['dilation'\]",
        ),
        ({"stages": [stage(loss_cls=None)]}, r"stages\[0\]: with_cls=True, but loss_cls"),
        ({"stages": [stage(normalizer="all")]}, r"stages\[0\]: normalizer"),
        ({"stages": [stage(sampling=True)]}, r"stages\[0\].*sampling"),
        ({"stages": [stage(bridged=True)]}, "bridged=True"),
        ({"stages": [stage(loss_cls={"type": "NoLoss"})]}, r"(?s)stages\[0\]: .*NoLoss"),
        (
            {"stages": [stage(loss_bbox={"type": "GIoULoss"}, reg_decoded_bbox=False)]},
            r"stages\[0\]: loss_bbox.type='GIoULoss' compares boxes",
        ),
        (
            {"train_cfg": [REGION, {"assigner": {"type": "NoAssigner"}}]},
            r"(?s)train_cfg.rpn\[1\]: .*NoAssigner",
        ),
    ],
)
def test_bad_configs_name_the_key(change, words):
    with pytest.raises(ValueError, match=words):
        build_head(**change)


@pytest.mark.parametrize(
    ("scales", "kind", "words"),
    [
        ([0], "none", "anchor_generator: an anchor of level 0"),
        ([-4], "none", "anchor_generator: an anchor of level 0"),
        ([4, 8], "learned", r"stages\[0\]: adapt.kind='learned' supports one box"),
    ],
)
def test_anchors_that_do_not_fit_are_refused(scales, kind, words):
    generator = dict(head_config().anchor_generator, scales=scales)
    with pytest.raises(ValueError, match=words):
        build_head([stage(kind)], [IOU], anchor_generator=generator)


def test_a_neck_of_other_levels_is_refused():
    with pytest.raises(ValueError, match="2 levels.* anchor_generator.strides has 3"):
        build_head().predict(features()[:2], samples())


def test_weights_start_as_published_and_learned_offsets_at_zero():
    head = build_head([stage("none", False), stage("learned")], std=1.0)
    head.init_weights()
    for name, parameter in head.named_parameters():
        if parameter.ndim == 1 or "offset" in name:
            assert (parameter == 0).all(), name
        else:
            assert 0.005 < parameter.std() < 0.015, name


def test_no_loss_without_train_cfg():
    config = head_config()
    config.train_cfg = None
    with pytest.raises(ValueError, match="without train_cfg"):
        MODELS.build(config).loss(features(), samples())
