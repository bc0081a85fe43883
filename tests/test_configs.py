"""Every config that trains builds its model and takes one training step on a made-up batch."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData, PixelData

import mmdense  # noqa: F401
from mmdense.engine.launch import fit_to_machine

ROOT = Path(__file__).resolve().parents[1]
HEIGHT, WIDTH, BATCH = 96, 128, 4


def detection_batch():
    from mmdet.structures import DetDataSample

    samples = []
    for _ in range(BATCH):
        boxes = torch.tensor([[10.0, 10, 60, 50], [40, 30, 120, 90]])
        instances = InstanceData(bboxes=boxes, labels=torch.tensor([0, 1]))
        sample = DetDataSample(gt_instances=instances)
        sample.set_metainfo(image_meta())
        samples.append(sample)
    return {"inputs": images(), "data_samples": samples}


def segmentation_batch():
    from mmseg.structures import SegDataSample

    samples = []
    for _ in range(BATCH):
        labels = torch.randint(0, 5, (1, HEIGHT, WIDTH))
        sample = SegDataSample(gt_sem_seg=PixelData(data=labels))
        sample.set_metainfo(image_meta())
        samples.append(sample)
    return {"inputs": images(), "data_samples": samples}


def pretrain_batch():
    from mmpretrain.structures import DataSample

    stacked = torch.randint(0, 256, (BATCH, 3, HEIGHT, HEIGHT), dtype=torch.uint8)
    return {"inputs": stacked, "data_samples": [DataSample() for _ in range(BATCH)]}


def images():
    return [torch.randint(0, 256, (3, HEIGHT, WIDTH), dtype=torch.uint8) for _ in range(BATCH)]


def image_meta():
    shape = (HEIGHT, WIDTH)
    return {"img_shape": shape, "ori_shape": shape, "pad_shape": shape, "scale_factor": (1.0, 1.0)}


BATCHES = {
    "pretrain": pretrain_batch,
    "detection": detection_batch,
    "segmentation": segmentation_batch,
}
CONFIGS = [path for task in BATCHES for path in sorted((ROOT / "configs" / task).glob("*.py"))]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_one_training_step(path):
    torch.manual_seed(0)
    cfg = Config.fromfile(path)
    cfg.launcher = "none"
    fit_to_machine(cfg)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        from mmengine.registry import MODELS

        if "data_preprocessor" in cfg:
            cfg.model.setdefault("data_preprocessor", cfg.data_preprocessor)
        model = MODELS.build(cfg.model)
        model.init_weights()
        optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
        weights = {name: value.clone() for name, value in model.named_parameters()}
        losses = model.train_step(BATCHES[path.parent.name](), optim_wrapper)
    assert all(torch.isfinite(value).all() for value in losses.values())
    moved = [not torch.equal(value, weights[name]) for name, value in model.named_parameters()]
    # A residual branch that starts at zero (zero_init_residual) keeps its first weights for a step.
    assert sum(moved) > 0.7 * len(moved)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_training_also_logs_lines_of_json(path):
    cfg = Config.fromfile(path, import_custom_modules=False)
    # This backend writes <work_dir>/<time>/vis_data/scalars.json.
    assert "LocalVisBackend" in [backend.type for backend in cfg.visualizer.vis_backends]
