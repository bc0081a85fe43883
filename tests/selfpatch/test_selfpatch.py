"""SelfPatch: its losses against plain code, who gets gradients, and bad input."""

import copy
import logging
import math

import pytest
import torch
from torch import distributed as dist
from torch import nn
from torch.nn import functional as F

import mmdense  # noqa: F401

# isort: split
import mmpretrain.models  # noqa: F401

import projects.selfpatch  # noqa: F401
from mmdense.registry import MODELS
from mmdense.ssl.prototypes import centred_softmax
from mmdense.ssl.tokens import tokens_of
from projects.selfpatch.patch_loss import patch_loss
from projects.selfpatch.selfpatch import mean_direction
from tests.references import dino_loop, neighbours_loop
from tests.two_processes import in_two_processes

WIDTH = 16
VIT = dict(
    type="mmpretrain.VisionTransformer",
    arch=dict(embed_dims=WIDTH, num_layers=2, num_heads=2, feedforward_channels=32),
    img_size=32,
    patch_size=8,
    out_type="raw",
    with_cls_token=False,
    final_norm=False,
)
NECK = dict(type="mmdense.DINONeck", in_channels=WIDTH, hid_channels=16, out_channels=8)
POOL = dict(type="mmdense.ClassAttentionPool", channels=WIDTH, heads=2)
PARTS = dict(
    backbone=VIT, neck=NECK, pool=POOL, prototypes=12, data_preprocessor=None, momentum=0.5
)


def build(kind="SelfPatch", seed=0, **changes):
    torch.manual_seed(seed)
    cfg = dict(PARTS, type=f"mmdense.{kind}")
    if kind == "SelfPatch":
        cfg |= dict(patch_neck=NECK, patch_prototypes=10, k=4)
    model = MODELS.build(copy.deepcopy(cfg | changes))
    logging.disable()
    model.init_weights()
    logging.disable(logging.NOTSET)
    for parameter in model.parameters():  # patches that differ, so that the choice matters
        if parameter.ndim == 2:
            nn.init.normal_(parameter, std=0.3)
    model.copy_student()
    return model.train()


def views(images=3, small=2):
    generator = torch.Generator().manual_seed(1)
    sizes = [(32, 32)] * 2 + [(16, 24)] * small
    return [torch.randn(images, 3, *size, generator=generator) for size in sizes]


@pytest.mark.parametrize(
    "options", [dict(), dict(k=2, chunk=7), dict(k=8), dict(patch_views="teacher")]
)
def test_the_patch_loss_equals_a_loop_over_patches(options):
    model, batch = build(**options), views()
    found = model(batch, [], mode="loss")["loss_patch"]
    means = []
    for view in batch[: 2 if options.get("patch_views") else 4]:
        student, teacher = (
            tokens_of(model.backbone, view),
            tokens_of(model.teacher["backbone"], view),
        )
        values = []
        for image in range(3):
            for place in range(student.patches.shape[1]):
                chosen = neighbours_loop.most_similar(
                    teacher.patches[image], teacher.grid, place, model.k, 3, wrap=False
                )
                summary = neighbours_loop.pooled(
                    model.teacher["pool"], teacher.patches[image], chosen
                )
                part = model.teacher
                target = part["patch_prototypes"](part["patch_neck"]((summary[None],))[0])[0]
                own = model.pool.norm(student.patches[image, place])
                logits = model.patch_prototypes(model.patch_neck((own[None],))[0])[0]
                values.append(
                    dino_loop.cross_entropy(
                        dino_loop.softmax((target / 0.04).tolist()), logits.tolist(), 0.1
                    )
                )
        means.append(sum(values) / len(values))
    assert float(found) == pytest.approx(0.1 * sum(means) / len(means), rel=1e-4)


def test_chunks_change_neither_the_loss_nor_the_gradients():
    batch, found = views(), []
    for chunk in (5, 10_000):
        model = build(chunk=chunk)
        losses = model(batch, [], mode="loss")
        losses["loss_patch"].backward()
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        found.append([losses["loss_patch"], *gradients, model.patch_assigner.logit_sum])
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(*found, strict=True))


def test_without_its_patch_loss_it_is_dino_with_a_pool():
    batch = views()
    dino, patch = build("DINO"), build(patch_weight=0.0)
    shared = dino.student().state_dict()
    patch.load_state_dict(shared, strict=False)
    patch.copy_student()
    dino.copy_student()
    found = [model(batch, [], mode="loss") for model in (dino, patch)]
    assert torch.equal(found[0]["loss"], found[1]["loss"])
    assert float(found[1]["loss_patch"]) == 0
    dino.after_step(0, 10)
    patch.after_step(0, 10)
    assert torch.equal(dino.assigner.center, patch.assigner.center)


def test_the_pool_learns_from_the_images_only():
    model = build()
    losses = model(views(), [], mode="loss")
    losses["loss_patch"].backward(retain_graph=True)
    learned = {name for name, p in model.named_parameters() if p.grad is not None}
    assert {"pool.norm.weight", "patch_neck.layers.0.weight", "patch_prototypes.weight"} <= learned
    assert not [name for name in learned if name.startswith(("pool.blocks", "pool.token", "neck"))]
    losses["loss"].backward()
    missing = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not missing
    assert not [n for n, p in model.teacher.named_parameters() if p.grad is not None]


def test_a_collapsed_head_has_a_loss_of_ln_k():
    rows = torch.randn(40, WIDTH)
    found, entropy = patch_loss(
        [rows],
        [rows],
        weights=[1.0],
        predict=lambda rows: torch.zeros(len(rows), 4096),
        assign=lambda rows: centred_softmax(
            torch.zeros(len(rows), 4096), center=torch.zeros(4096), temperature=0.04
        ),
        parameters=[],
        temperature=0.1,
        chunk=16,
    )
    assert float(found) == pytest.approx(math.log(4096), rel=1e-6)  # 8.318
    assert float(entropy) == pytest.approx(math.log(4096), rel=1e-6)


def test_readings_of_patches():
    model, batch = build(), views()
    found = model(batch, [], mode="loss")
    assert set(model.readings) <= set(found)
    kl = found["loss_patch"].detach() / 0.1 - found["patch_entropy"]
    assert float(found["patch_kl"]) == pytest.approx(float(kl), abs=1e-5)
    assert 0 < float(found["patch_entropy"]) < math.log(10)
    assert model.prototype_counts == {"entropy": 12, "patch_entropy": 10}
    assert float(mean_direction(torch.ones(2, 3, 4))) == pytest.approx(1)
    opposite = torch.stack([torch.ones(3, 4), -torch.ones(3, 4)])
    assert float(mean_direction(opposite)) == pytest.approx(0)


def test_the_running_means_count_the_views_that_are_asked_for():
    batch, found = views(), {}
    for center_views in ("teacher", "all"):
        model = build(center_views=center_views)
        model(batch, [], mode="loss")
        found[center_views] = float(model.assigner.logit_count)
        assert float(model.patch_assigner.logit_count) == 3 * (2 * 16 + 2 * 6)
        model.after_step(0, 10)
        assert float(model.assigner.logit_count) == 0
        assert bool(model.patch_assigner.center.any())
    assert found == {"teacher": 6, "all": 12}


def test_a_backbone_with_a_class_token_and_maps_of_a_resnet():
    vit = dict(VIT, with_cls_token=True, final_norm=True)
    resnet = dict(type="mmpretrain.ResNet", depth=18, stem_channels=8, base_channels=8)
    for backbone, width in ((vit, 16), (resnet, 64)):
        neck = dict(NECK, in_channels=width)
        model = build(
            backbone=backbone, pool=None, aggregation="mean", neck=neck, patch_neck=neck, k=1
        )
        batch = [F.interpolate(view, scale_factor=3) for view in views()]
        losses = model(batch, [], mode="loss")
        (losses["loss"] + losses["loss_patch"]).backward()
        assert all(torch.isfinite(p.grad).all() for p in model.backbone.parameters())


def test_two_processes_with_uneven_shares_train_as_one(tmp_path):
    batch = views(images=4)

    def gradients():
        model, own = build(), batch
        if dist.is_initialized():
            share = slice(0, 3) if dist.get_rank() == 0 else slice(3, 4)
            own = [view[share] for view in batch]
        losses = model(own, [], mode="loss")
        (losses["loss"] + losses["loss_patch"]).backward()
        model.after_step(0, 10)
        found = torch.cat([p.grad.flatten() for p in model.student().parameters()])
        if dist.is_initialized():  # as DistributedDataParallel
            dist.all_reduce(found)
            found /= 2
        return torch.cat([found, model.assigner.center, model.patch_assigner.center])

    one, two = gradients(), in_two_processes(gradients, tmp_path)[0]
    assert torch.allclose(one, two, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(k=9), "SelfPatch.k=9 must be 1 to 8"),
        (dict(aggregation="max"), "SelfPatch.aggregation='max'"),
        (dict(patch_views="local"), "SelfPatch.patch_views='local'"),
        (dict(center_views="local"), "SelfPatch.center_views='local'"),
        (dict(pool=None), "mmdense.ClassAttentionPool"),
    ],
)
def test_bad_options(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)


def test_views_without_neighbours_and_backbones_without_patches():
    with pytest.raises(ValueError, match="a grid of one patch has no neighbours"):
        build()([*views(small=0), torch.randn(3, 3, 8, 8)], [], mode="loss")
    image_only = dict(VIT, with_cls_token=True, out_type="cls_token")
    model = build(backbone=image_only, pool=None, aggregation="mean")
    with pytest.raises(ValueError, match="SelfPatch needs patches"):
        model(views(), [], mode="loss")


def test_losses_under_bfloat16_autocast_are_close():
    batch, found = views(), []
    for amp in (False, True):
        model = build(chunk=20)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
            losses = model(batch, [], mode="loss")
        assert all(value.dtype == torch.float32 for value in losses.values())
        (losses["loss"] + losses["loss_patch"]).backward()
        flat = [p.grad.flatten() for p in model.student().parameters()]
        found.append((losses, torch.cat(flat)))
    (exact, gradient), (rounded, other) = found
    assert float(rounded["loss"]) == pytest.approx(float(exact["loss"]), rel=0.1)
    assert float(rounded["loss_patch"]) == pytest.approx(float(exact["loss_patch"]), rel=0.1)
    assert float(F.cosine_similarity(gradient, other, dim=0)) > 0.95
