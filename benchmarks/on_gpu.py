"""Tests, throughput and a short training on a GPU, in less than ten minutes.

1. The tests that need a GPU: all kernels against their references.
2. Throughput of pretraining a ViT-S/16 at batch 256 in bfloat16, with the views made on the GPU.
3. SelfPatch on CIFAR-10 for the rest of the time, with k-NN at the end, if data/cifar10 is there.
   Its record is in work_dirs/selfpatch_on_gpu.

Without a GPU there is nothing to do. The published speed beside ours is that of stable-pretraining
on one H200, with two views of 224 px by kornia on the GPU.
"""

import copy
import logging
import subprocess
import sys
import time
from pathlib import Path

import mmdense  # noqa: F401

# isort: split
import mmpretrain.models  # noqa: F401
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

import projects.selfpatch
import projects.simsiam_decomp  # noqa: F401
from benchmarks.timing import result
from mmdense.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 570
BATCH = 256
PUBLISHED = 870.9  # images a second, stable-pretraining's documentation
TESTS = ("tests/cascade_rpn/test_sampled_conv_triton.py", "tests/cascade_rpn/test_adaptive_conv.py")


def run() -> list[dict]:
    if not torch.cuda.is_available():
        print("on_gpu: there is no GPU")
        return []
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "pytest", *TESTS], cwd=ROOT, check=True)
    rows = []
    for name, images in (
        ("SimSiam, two views of 224 px", throughput(simsiam(), BATCH, 256)),
        ("DINO, 2 views of 224 px and 8 of 96 px", throughput(published("dino"), BATCH, 256)),
        ("SelfPatch, the same views", throughput(published("selfpatch"), BATCH, 256)),
    ):
        setting = f"ViT-S/16, batch {BATCH}, bfloat16, {torch.cuda.get_device_name()}"
        other = "stable-pretraining as published, two views, one H200"
        row = result(name, 1 / images, 1 / PUBLISHED, other_name=other, setting=setting)
        rows.append(row)
    if (ROOT / "data/cifar10").is_dir():
        train(SECONDS - (time.perf_counter() - started))
    return rows


def published(method: str) -> Config:
    """The config of a method on ImageNet."""
    return Config.fromfile(ROOT / f"configs/selfpatch/{method}_vit_s_imagenet_200e.py")


def simsiam() -> Config:
    """Two views, as the published speed has them."""
    cfg = published("dino")
    mlp = dict(type="mmpretrain.NonLinearNeck", norm_cfg=dict(type="BN1d"), out_channels=2048)
    cfg.model = dict(
        type="mmdense.SiameseViews",
        backbone=dict(cfg.model.backbone, out_type="featmap"),
        neck=dict(mlp, in_channels=384, hid_channels=2048, num_layers=3),
        head=dict(
            type="mmdense.SimSiamHead",
            predictor=dict(mlp, in_channels=2048, hid_channels=512, with_avg_pool=False),
        ),
    )
    cfg.data_preprocessor.views = [dict(num=2, size=224)]
    return cfg


def throughput(cfg: Config, batch: int, side: int, *, steps: int = 10) -> float:
    """Images a second of whole steps: views, forward and backward pass, optimizer, teacher."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, optimizer = build(cfg, device)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (batch, 3, side, side), dtype=torch.uint8, generator=generator)
    data = dict(inputs=images.to(device), data_samples=None)
    begun = 0.0
    for step in range(steps + 3):
        if step == 3:  # the first ones choose kernels and allocate memory
            synchronize()
            begun = time.perf_counter()
        if hasattr(model, "before_step"):
            model.before_step(step, steps)
        views = model.data_preprocessor(data, training=True)
        with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
            losses = model(**views, mode="loss")
        optimizer.zero_grad()
        sum(value for name, value in losses.items() if "loss" in name).backward()
        optimizer.step()
        if hasattr(model, "after_step"):
            model.after_step(step, steps)
    synchronize()
    return batch * steps / (time.perf_counter() - begun)


def build(cfg: Config, device: str) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        described = dict(copy.deepcopy(cfg.model), data_preprocessor=cfg.data_preprocessor)
        model = MODELS.build(described)
    logging.disable()
    model.init_weights()
    logging.disable(logging.NOTSET)
    model.to(device).train()
    if hasattr(model, "start_teacher"):
        model.start_teacher()
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    fused = device == "cuda"
    return model, torch.optim.AdamW(learned, lr=1e-4, fused=fused)


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def train(seconds: float) -> None:
    """SelfPatch on CIFAR-10 with as many epochs as fit, from the speed of a few steps."""
    config = "configs/selfpatch/selfpatch_vit_ti_cifar10.py"
    speed = throughput(Config.fromfile(ROOT / config), BATCH, 32)
    epochs = max(1, int(0.7 * seconds * speed / 50_000))  # the rest: start, data, k-NN
    command = ["tools/train.py", config, "--amp", "--work-dir", "work_dirs/selfpatch_on_gpu"]
    options = ["--overwrite", "--cfg-options", f"max_epochs={epochs}", f"batch_size={BATCH}"]
    subprocess.run([sys.executable, *command, *options], cwd=ROOT, check=True)
