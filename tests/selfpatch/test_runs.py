"""SelfPatch in runs of MMEngine: the teacher, the collapse monitor, an exact resume, a NaN."""

import math

import pytest
import torch

import projects.selfpatch  # noqa: F401
from mmdense.collapse.history import read_history
from mmdense.engine.non_finite import NonFiniteError
from mmdense.records.record import load
from tests.mmdense.evaluation.tiny_siamese import MEAN, STD, build

NECK = dict(type="mmdense.DINONeck", in_channels=16, hid_channels=16, out_channels=8)
MODEL = dict(
    type="mmdense.SelfPatch",
    backbone=dict(
        type="mmpretrain.VisionTransformer",
        arch=dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32),
        img_size=16,
        patch_size=4,
        out_type="raw",
        with_cls_token=False,
        final_norm=False,
        drop_path_rate=0.2,
    ),
    pool=dict(type="mmdense.ClassAttentionPool", channels=16, heads=2),
    neck=NECK,
    patch_neck=NECK,
    prototypes=12,
    patch_prototypes=10,
    momentum=0.9,
    frozen_prototypes=2,
    teacher_temperature=dict(start=0.04, end=0.06, steps=5),
)
PREPROCESSOR = dict(
    type="mmdense.MultiViewPreprocessor",
    views=[dict(num=2, size=16), dict(num=2, size=8)],
    mean=MEAN,
    std=STD,
    to_rgb=False,
)
TEACHER = dict(type="mmdense.TeacherHook", clip_each=3.0)
COLLAPSE = dict(type="mmdense.CollapseHook", interval=2, images=8)


def run(folder, *hooks, **changes):
    """A runner of four epochs of three steps."""
    options = dict(
        model=MODEL,
        data_preprocessor=PREPROCESSOR,
        train_cfg=dict(type="mmdense.EpochBasedTrainLoop", max_epochs=4),
        optim_wrapper=dict(optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.04)),
        param_scheduler=[
            dict(
                type="mmengine.CosineAnnealingParamScheduler",
                param_name="weight_decay",
                by_epoch=True,
                eta_min_ratio=10,
                convert_to_iter_based=True,
            )
        ],
        default_hooks=dict(
            logger=dict(type="LoggerHook", interval=1),
            checkpoint=dict(type="CheckpointHook", interval=1),
        ),
    )
    return build(folder, TEACHER, *hooks, **options | changes)


def test_the_monitor_reads_images_and_patches(tmp_path):
    runner = run(tmp_path, COLLAPSE, dict(type="mmdense.RecordHook"))
    runner.train()
    record = load(tmp_path / "record.json")
    found = read_history(tmp_path)
    for name in ("entropy", "kl", "patch_entropy", "patch_kl", "patch_m_o"):
        assert [step for step, _ in found["curves"][name]] == [2, 4, 6, 8, 10, 12]
        last = found["curves"][name][-1][1]
        assert record.metrics[f"collapse/{name}"] == pytest.approx(last, rel=1e-4)  # of six digits
    assert found["facts"]["prototypes"] == {"entropy": 12, "patch_entropy": 10}
    assert found["facts"]["vectors"] == 4 * 8  # views, images
    assert {spectrum["space"] for spectrum in found["spectra"]} == {"backbone", "projector"}
    assert all(0 <= value <= math.log(12) for _, value in found["curves"]["entropy"])
    assert int(runner.model.teacher_updates) == 12


def test_a_resumed_run_ends_with_the_same_weights(tmp_path):
    whole = run(tmp_path / "whole", COLLAPSE)
    whole.train()
    again = run(
        tmp_path / "again",
        COLLAPSE,
        load_from=str(tmp_path / "whole" / "epoch_2.pth"),
        resume=True,
    )
    again.train()
    after = again.model.state_dict()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, after[name]), name
    decays = [group["weight_decay"] for group in whole.optim_wrapper.param_groups]
    assert decays == [pytest.approx(0.4, rel=0.1)]


def test_a_nan_changes_neither_student_nor_teacher(tmp_path):
    runner = run(tmp_path, dict(type="mmdense.NonFiniteHook"))
    kept = {}

    def break_it(module, inputs):
        kept.update({name: value.clone() for name, value in runner.model.state_dict().items()})
        return tuple(one * math.nan for one in inputs)

    runner.model.backbone.register_forward_pre_hook(break_it)
    with pytest.raises(NonFiniteError):
        runner.train()
    for name, value in runner.model.state_dict().items():
        assert torch.equal(value, kept[name]), name
    assert list((tmp_path / "non_finite").iterdir())
