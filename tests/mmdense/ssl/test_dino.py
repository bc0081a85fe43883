"""DINO: its loss against a loop, its teacher, its schedules, and bad input."""

import copy
import logging

import pytest
import torch
from mmengine.optim import OptimWrapper, build_optim_wrapper
from torch import distributed as dist
from torch import nn

import mmdense  # noqa: F401

# isort: split
import mmpretrain.models  # noqa: F401

from mmdense.registry import MODELS
from mmdense.ssl.teacher import Ramp, TeacherHook, clip_each, cosine_momentum
from mmdense.ssl.tokens import tokens_of
from tests.references import dino_loop
from tests.two_processes import in_two_processes

VIT = dict(
    type="mmpretrain.VisionTransformer",
    arch=dict(embed_dims=32, num_layers=2, num_heads=2, feedforward_channels=64),
    img_size=32,
    patch_size=8,
    out_type="raw",
)
RESNET = dict(type="mmpretrain.ResNet", depth=18, stem_channels=8, base_channels=8)
SWIN = dict(
    type="mmpretrain.SwinTransformer",
    arch=dict(embed_dims=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2]),
    img_size=32,
    patch_size=2,
    window_size=4,
    pad_small_map=True,
)
BACKBONES = {
    "vit": (VIT, 32),
    "vit without class token": (dict(VIT, with_cls_token=False), 32),
    "resnet": (RESNET, 64),
    "swin": (SWIN, 64),
}


def dino(backbone=VIT, width=32, seed=0, **changes):
    torch.manual_seed(seed)
    cfg = dict(
        type="mmdense.DINO",
        backbone=backbone,
        neck=dict(type="mmdense.DINONeck", in_channels=width, hid_channels=16, out_channels=8),
        prototypes=12,
        data_preprocessor=None,
    )
    model = MODELS.build(copy.deepcopy(cfg | changes))
    logging.disable()  # one line for each weight
    model.init_weights()
    logging.disable(logging.NOTSET)
    model.start_teacher()
    return model.train()


def views(images=4, number=2, small=2):
    generator = torch.Generator().manual_seed(1)
    sizes = [32] * number + [16] * small
    return [torch.randn(images, 3, size, size, generator=generator) for size in sizes]


def train(model, batches, *, steps=None, accumulate=1, lr=0.01, optimizer=torch.optim.SGD):
    """Train with the hook; return the losses."""
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    wrapper = OptimWrapper(optimizer(learned, lr=lr), accumulative_counts=accumulate)
    runner = type("Runner", (), dict(model=model, optim_wrapper=wrapper, iter=0))()
    runner.max_iters = steps or len(batches)
    hook, losses = TeacherHook(), []
    hook.before_train(runner)
    wrapper.initialize_count_status(model, 0, len(batches))
    for batch in batches:
        hook.before_train_iter(runner, runner.iter)
        found = model(batch, [], mode="loss")
        losses.append(float(found["loss"]))
        wrapper.update_params(sum(v for k, v in found.items() if "loss" in k))
        runner.iter += 1
    hook.after_train(runner)
    return losses


@pytest.mark.parametrize("name", BACKBONES)
def test_the_loss_equals_a_loop_over_pairs_of_views(name):
    model = dino(*BACKBONES[name], momentum=0.5)
    model.eval()  # the same statistics of BatchNorm in both computations
    batch = views()
    found = model(batch, [], mode="loss")

    def rows(part, images):
        tokens = tokens_of(part["backbone"], images)
        vectors = tokens.patches.mean(dim=1) if tokens.image is None else tokens.image
        return part["prototypes"](part["neck"]((vectors,))[0]).tolist()

    student = [rows(model.student(), view) for view in batch]
    teacher = [rows(model.teacher, view) for view in batch[:2]]
    wanted = []
    for image in range(4):
        targets = [dino_loop.softmax([x / 0.04 for x in view[image]]) for view in teacher]
        wanted.append(dino_loop.mean_over_pairs(targets, [v[image] for v in student], 0.1))
    assert float(found["loss"]) == pytest.approx(sum(wanted) / 4, rel=1e-4)
    assert float(found["kl"] + found["entropy"]) == pytest.approx(float(found["loss"]), rel=1e-5)


def test_tokens_of_every_kind_of_backbone():
    images = torch.randn(2, 3, 30, 20)
    for name, grid, extra in (("vit", (4, 3), 1), ("vit without class token", (4, 3), 0)):
        backbone = MODELS.build(copy.deepcopy(BACKBONES[name][0]))
        tokens = tokens_of(backbone, images)
        assert tokens.grid == grid
        assert tokens.patches.shape == (2, 12, 32)
        assert (tokens.image is not None) == bool(extra)
        assert torch.equal(tokens.patches, backbone(images)[0][:, extra:])
    backbone = MODELS.build(copy.deepcopy(RESNET))
    tokens = tokens_of(backbone, torch.randn(2, 3, 64, 96))
    assert (tokens.image, tokens.grid) == (None, (2, 3))
    image_only = MODELS.build(dict(copy.deepcopy(VIT), out_type="cls_token"))
    assert tokens_of(image_only, images).patches is None


def test_the_teacher_is_the_moving_average_of_the_student():
    model = dino(momentum=0.9)
    started = copy.deepcopy(model.teacher.state_dict())
    for name, value in model.student().state_dict().items():
        assert torch.equal(value, started[name])
    train(model, [views()], steps=4)
    moved = model.student().state_dict()
    for name, value in model.teacher.state_dict().items():
        assert torch.allclose(value, 0.9 * started[name] + 0.1 * moved[name], atol=1e-7)
    assert not any(parameter.requires_grad for parameter in model.teacher.parameters())
    assert not torch.equal(model.assigner.center, torch.zeros(12))


def test_a_run_without_the_hook_is_an_error():
    model = dino()
    model(views(), [], mode="loss")
    model(views(), [], mode="loss")
    with pytest.raises(RuntimeError, match="mmdense.TeacherHook"):
        model(views(), [], mode="loss")
    with pytest.raises(TypeError, match="has no teacher"):
        TeacherHook().before_train(type("Runner", (), dict(model=nn.Linear(1, 1)))())


def test_a_trained_teacher_of_a_checkpoint_stays():
    model = dino()
    train(model, [views()])
    other = dino(seed=1)
    other.load_state_dict(model.state_dict())
    other.start_teacher()
    kept = other.teacher.state_dict()
    assert all(torch.equal(v, kept[name]) for name, v in model.teacher.state_dict().items())


def test_accumulated_batches_train_as_one():
    batch = views()
    halves = [[view[:2] for view in batch], [view[2:] for view in batch]]
    constant = dict(momentum=0.9, final_momentum=0.9)
    whole, parts = dino(**constant), dino(**constant)
    train(whole, [batch, batch], lr=0.5)
    train(parts, halves * 2, accumulate=2, lr=0.5)
    for name, value in whole.student().state_dict().items():
        assert torch.allclose(value, parts.student().state_dict()[name], atol=2e-6), name
    assert torch.allclose(whole.assigner.center, parts.assigner.center, atol=1e-6)
    assert int(parts.teacher_updates) == 2


def test_two_processes_with_uneven_shares_train_as_one(tmp_path):
    batch = views()

    def gradients():
        model = dino(targets="sinkhorn")
        own = batch
        if dist.is_initialized():
            share = slice(0, 3) if dist.get_rank() == 0 else slice(3, 4)
            own = [view[share] for view in batch]
        model(own, [], mode="loss")["loss"].backward()
        model.after_step(0, 10)
        found = torch.cat([p.grad.flatten() for p in model.student().parameters()])
        if dist.is_initialized():  # as DistributedDataParallel
            dist.all_reduce(found)
            found /= 2
        return torch.cat([found, model.assigner.center])

    one, two = gradients(), in_two_processes(gradients, tmp_path)[0]
    assert torch.allclose(one, two, atol=1e-5)


def test_schedules():
    assert [Ramp(0.04, 0.08, 4).at(step) for step in (0, 1, 4, 9)] == pytest.approx(
        [0.04, 0.05, 0.08, 0.08]
    )
    assert Ramp(0.04, 0.07, 0).at(0) == 0.07
    momentum = [cosine_momentum(0.996, 1.0, step=step, steps=10) for step in (0, 5, 10)]
    assert momentum == pytest.approx([0.996, 0.998, 1.0])
    model = dino(teacher_temperature=dict(start=0.02, end=0.04, steps=2), frozen_prototypes=1)
    assert model.before_step(0, 9) == list(model.prototypes.parameters())
    assert float(model.teacher_temperature) == pytest.approx(0.02)
    assert model.before_step(1, 9) == []
    assert float(model.teacher_temperature) == pytest.approx(0.03)


def test_frozen_prototypes_do_not_change():
    model = dino(frozen_prototypes=1)
    before = model.prototypes.weight.clone()
    train(model, [views()])
    assert torch.equal(model.prototypes.weight, before)
    train(model, [views()] * 2)
    assert not torch.equal(model.prototypes.weight, before)


def test_the_optimizer_gets_what_is_learned(caplog):
    model = dino()
    options = dict(bias_decay_mult=0.0, norm_decay_mult=0.0, flat_decay_mult=0.0)
    wrapper = build_optim_wrapper(
        model,
        dict(
            constructor="mmdense.LearnedParameters",
            optimizer=dict(type="AdamW", lr=0.1, weight_decay=0.04),
            paramwise_cfg=options,
        ),
    )
    groups = {id(g["params"][0]): g["weight_decay"] for g in wrapper.param_groups}
    learned = dict(model.student().named_parameters())
    assert not set(groups) & {id(parameter) for parameter in model.teacher.parameters()}
    for name, parameter in learned.items():
        assert groups[id(parameter)] == (0.0 if parameter.ndim == 1 else 0.04), name
    assert "is skipped" not in caplog.text


def test_each_gradient_is_clipped_on_its_own():
    parameters = [nn.Parameter(torch.zeros(2)) for _ in range(3)]
    parameters[0].grad, parameters[1].grad = torch.tensor([3.0, 4.0]), torch.tensor([0.3, 0.4])
    clip_each(parameters, max_norm=1.0)
    assert parameters[0].grad.tolist() == pytest.approx([0.6, 0.8], rel=1e-5)
    assert parameters[1].grad.tolist() == pytest.approx([0.3, 0.4])


def test_the_teacher_drops_nothing():
    model = dino(dict(VIT, drop_path_rate=0.5, drop_rate=0.5))
    images = views()[0]
    with torch.no_grad():
        first, second = (tokens_of(model.teacher["backbone"], images).image for _ in range(2))
        student = tokens_of(model.backbone, images).image
    assert torch.equal(first, second)
    assert not torch.allclose(first, student)
    resnet = dino(*BACKBONES["resnet"])
    norms = [m for m in resnet.teacher.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(norm.training for norm in norms)
    resnet.eval()
    assert not any(norm.training for norm in norms)


def test_images_are_separated():
    torch.manual_seed(0)
    images = torch.randn(32, 3, 32, 32)

    def noisy():
        return [images + 0.5 * torch.randn_like(images) for _ in range(2)]

    def gap(model):
        """Mean cosine of two views of one image, less that of views of two images."""
        a, b = (model.neck((tokens_of(model.backbone, view).image,))[0] for view in noisy())
        cosines = a @ b.T
        return float(cosines.diagonal().mean() - (cosines.sum() - cosines.trace()) / (32 * 31))

    neck = dict(type="mmdense.DINONeck", in_channels=32, hid_channels=64, out_channels=32)
    model = dino(momentum=0.9, neck=neck, prototypes=64)
    assert gap(model) < 0.3
    train(model, [noisy() for _ in range(90)], lr=5e-4, optimizer=torch.optim.AdamW)
    assert gap(model) > 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(momentum=1.5), "DINO.momentum=1.5"),
        (dict(targets="queue"), "DINO.targets='queue'"),
        (dict(backbone=dict(VIT, out_type="avg_featmap"), width=32), None),
    ],
)
def test_options(changes, message):
    if message is None:
        dino(**changes)(views(), [], mode="loss")
        return
    with pytest.raises(ValueError, match=message):
        dino(**changes)


def test_bad_views():
    for inputs in (views()[0], views()[:1]):
        with pytest.raises(ValueError, match="two views or more"):
            dino()(inputs, [], mode="loss")
