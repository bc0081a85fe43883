"""Configs that train, ours and common ones of MMDetection: a training step and a prediction."""

import functools

import pytest
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.registry import DefaultScope

import projects.cascade_rpn  # noqa: F401 (the suites name its head)
from mmdense.config.check import check_config
from tests.small_training import ROOT, changed, predict, shrink, train_step

CONFIGS = {
    str(path.relative_to(ROOT / "configs").with_suffix("")): path
    for path in sorted((ROOT / "configs").glob("[!_]*/*.py"))
    if not path.stem.startswith(("study_", "suite_"))
    if path.parent.name not in ("pipelines", "probe")
}
SUITES = ("coco", "ade20k")


@functools.cache
def read(path):
    return Config.fromfile(path)


def variants():
    """The variants of a suite that change the model."""
    for suite in SUITES:
        for variant in read(ROOT / f"configs/downstream/suite_{suite}.py").variants:
            if variant.changes.model:
                yield f"{suite}: {variant.name}", variant


VARIANTS = dict(variants())


def config(name):
    if name in CONFIGS:
        return read(CONFIGS[name])
    return changed(read(ROOT / VARIANTS[name].base), VARIANTS[name].changes)


def may_keep(name, model):
    """The beginnings of the names of weights that need not move in the first step."""
    frozen = [
        f"backbone.{key}"
        for key, weight in model.backbone.named_parameters()
        if not weight.requires_grad
    ]
    frozen += ["teacher."]  # moves after the step, by a hook
    # The proposals of the batch are small: the coarse levels of Fast R-CNN have none.
    return (*frozen, *(("neck.fpn_convs.",) if "fast_rcnn" in name else ()))


@pytest.mark.parametrize("name", [*CONFIGS, *VARIANTS])
def test_has_no_mistakes_trains_a_step_and_predicts(name):
    cfg = config(name)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        assert check_config(cfg) == []
    # This backend writes <work_dir>/<time>/vis_data/scalars.json.
    assert "LocalVisBackend" in [backend.type for backend in cfg.visualizer.vis_backends]
    cfg = shrink(cfg)
    step = train_step(cfg)
    assert all(value.isfinite().all() for value in step.losses.values())
    weights = {key for key, _ in step.model.named_parameters()}
    stuck = weights & step.still()
    assert not {key for key in stuck if not key.startswith(may_keep(name, step.model))}
    assert step.dtypes == {torch.float32}
    if cfg.default_scope == "mmdet":
        for found in predict(step.model, cfg):
            assert len(found.pred_instances) > 0
            assert found.pred_instances.bboxes.isfinite().all()


def test_a_detector_with_cascade_rpn_trains_in_bfloat16():
    cfg = shrink(config("cascade_rpn/faster_rcnn_r50_caffe_fpn_1x_coco"))
    cfg.optim_wrapper.type = "mmdense.BFloat16OptimWrapper"
    step = train_step(cfg)
    assert all(value.isfinite().all() for value in step.losses.values())
    assert step.dtypes == {torch.bfloat16}


@pytest.mark.parametrize(
    "name",
    [
        "faster_rcnn/faster-rcnn_r50_fpn_1x_coco",
        "mask_rcnn/mask-rcnn_r50_fpn_1x_coco",
        "retinanet/retinanet_r50_fpn_1x_coco",
        "fcos/fcos_r50-caffe_fpn_gn-head_1x_coco",
        "cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco",
    ],
)
def test_common_detectors_of_mmdetection_train_and_predict_without_compiled_operators(name):
    cfg = shrink(get_config(f"mmdet::{name}.py"))
    step = train_step(cfg)
    assert all(value.isfinite().all() for value in step.losses.values())
    learns = {key for key, weight in step.model.named_parameters() if weight.requires_grad}
    # Objects this small give some levels and stages no box to learn from.
    assert len(learns & step.still()) < 0.05 * len(learns)
    for found in predict(step.model, cfg):
        objects = found.pred_instances
        assert objects.bboxes.shape == (len(objects.scores), 4)
        assert len(objects) and int(objects.labels.max()) < 80
