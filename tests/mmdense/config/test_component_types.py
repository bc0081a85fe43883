"""Types and keys of single dictionaries; whole configs are in test_check.py."""

import functools

import pytest
from mmengine.config import Config
from mmengine.registry import FUNCTIONS

import mmdense  # noqa: F401  (operators for mmcv.ops)
from mmdense.config.component_types import check_types


def problems(**cfg):
    cfg = Config({"default_scope": "mmdet", **cfg})
    return {".".join(map(str, p.path)): p for p in check_types(cfg)}


FPN = {"type": "FPN", "in_channels": [8], "out_channels": 8, "num_outs": 1}


@pytest.mark.parametrize(
    ("cfg", "path", "nearest"),
    [
        ({"model": {**FPN, "num_out": 2}}, "model.num_out", "num_outs"),
        ({"model": {"type": "FPN", "in_chanels": 8}}, "model.in_chanels", "in_channels"),
        (  # RPN's source mentions the key, and gives it to its head
            {"model": {"type": "RPN", "backbone": {"type": "ResNet", "num_classes": 3}}},
            "model.backbone.num_classes",
            "num_stages",
        ),
        ({"model": {"type": "FasterRCN"}}, "model.type", "FasterRCNN"),
        ({"model": {"a": [{"b": {"type": "RPNHed"}}]}}, "model.a.0.b.type", "RPNHead"),
        ({"model": {"type": "mmpretrain.ResNett"}}, "model.type", "mmpretrain.ResNet"),
        ({"model": {"type": "SimSiam"}}, "model.type", "mmpretrain.SimSiam"),  # of another scope
        (
            {"optim_wrapper": {"lr": 0.1, "optimizer": {"type": "SGD"}}},
            "optim_wrapper.lr",
            "optim_wrapper.optimizer.lr",
        ),
        (
            {"optim_wrapper": {"type": "OptimWrapper", "optimizer": {"type": "SGD", "lrr": 1}}},
            "optim_wrapper.optimizer.lrr",
            "lr",
        ),
        (
            {"default_hooks": {"checkpoint": {"type": "CheckpointHook", "max_keep_ckpt": 1}}},
            "default_hooks.checkpoint.max_keep_ckpt",
            "max_keep_ckpts",
        ),
        ({"default_hooks": {"logger": {"interval": 5}}}, "default_hooks.logger", None),
        ({"custom_hooks": [{"priority": 5}]}, "custom_hooks.0", None),
        ({"train_dataloader": {"batch_sise": 4}}, "train_dataloader.batch_sise", "batch_size"),
        ({"log_processor": {"window_siz": 4}}, "log_processor.window_siz", "window_size"),
        ({"val_cfg": {"fp17": True}}, "val_cfg.fp17", "fp16"),
        (
            {"train_cfg": {"type": "EpochBasedTrainLoop", "max_epochs": 1, "by_epoch": True}},
            "train_cfg.by_epoch",
            None,
        ),
        ({"randomness": {"sed": 1}}, "randomness.sed", "seed"),
        (
            {"param_scheduler": [{"type": "MultiStepLR", "milestone": [1]}]},
            "param_scheduler.0.milestone",
            "milestones",
        ),
    ],
)
def test_a_mistake_is_found_with_its_place_and_the_nearest_name(cfg, path, nearest):
    found = problems(**cfg)
    assert list(found) == [path]
    assert found[path].nearest == nearest


@pytest.mark.parametrize(
    "cfg",
    [
        {"model": FPN},
        {"model": {**FPN, "norm_cfg": {"type": "BN", "requires_grad": False}}},
        {"model": {**FPN, "init_cfg": {"type": "Normal", "layer": "Conv2d", "override": []}}},
        {"model": {"type": "mmpretrain.ResNet", "depth": 18}},
        {"model": {"_scope_": "mmpretrain", "type": "SimSiam", "backbone": {"type": "ResNet"}}},
        {"model": {"test_cfg": {"nms": {"type": "nms", "iou_threshold": 0.5}}}},
        {"model": {"roi_layer": {"type": "RoIAlign", "output_size": 7}}},
        {"custom_hooks": [{"type": "mmdense.ChannelsLastHook", "priority": "LOW"}]},
        {"custom_hooks": [{"type": "mmengine.hooks.EMAHook", "momentum": 0.1}]},
        {"optim_wrapper": {"optimizer": {"type": "SGD"}, "paramwise_cfg": {}}},
        {"optim_wrapper": {"optimizer": {"type": "SGD"}, "constructor": "Any"}},
        {"param_scheduler": {"type": "LinearLR", "end": 5, "convert_to_iter_based": True}},
        {"test_evaluator": {"type": "CocoMetric", "ann_file": "a.json"}},
        {"train_dataloader": {"batch_size": 1, "num_batch_per_epoch": 3, "drop_last": True}},
        {"my_transforms": [{"type": "NobodyHasThis"}]},  # a variable, which nobody builds
        {
            "train_dataloader": {
                "dataset": {
                    "pipeline": [{"type": "Albu", "transforms": [{"type": "VerticalFlip"}]}]
                }
            }
        },
        {  # LoRAModel reads types of its own
            "model": {
                "type": "mmpretrain.LoRAModel",
                "module": {"type": "mmpretrain.VisionTransformer"},
                "targets": [{"type": "qkv"}],
            }
        },
        # DETRHead takes the key out of its loss before it builds that.
        {
            "model": {
                "type": "DETRHead",
                "num_classes": 3,
                "loss_cls": {"type": "CrossEntropyLoss", "bg_cls_weight": 0.1},
            }
        },
    ],
)
def test_what_is_right_gives_no_problem(cfg):
    assert problems(**cfg) == {}


def test_a_type_that_resembles_nothing_gets_the_usual_reasons():
    found = problems(model={"type": "nobodyhasthis.Net"})
    assert "custom_imports = dict(imports=['nobodyhasthis'])" in found["model.type"].what
    found = problems(model={"type": "Xylophone7"})["model.type"]
    assert found.nearest is None
    assert "custom_imports" in found.what


def test_a_scope_that_has_no_registry_of_that_kind_does_not_borrow_mmengine_s():
    assert list(problems(custom_hooks=[{"type": "mmdense.EMAHook"}])) == ["custom_hooks.0.type"]


def test_a_partial_function_may_be_registered(monkeypatch):
    partial = functools.partial(print, sep=",")
    monkeypatch.setitem(FUNCTIONS.module_dict, "partial_for_test", partial)
    assert problems(train_dataloader={"collate_fn": {"type": "partial_for_test", "end": ""}}) == {}
    found = problems(train_dataloader={"collate_fn": {"type": "partial_for_test", "nd": ""}})
    assert [problem.nearest for problem in found.values()] == ["end"]
