"""A task of milliseconds that draws from every global generator, to interrupt and to go on with.

8 samples in batches of 3: 3 steps an epoch, the last one smaller.
"""

import random
import time
from pathlib import Path

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from mmdense.engine.loops import EpochBasedTrainLoop, IterBasedTrainLoop


class NoisySet(Dataset):
    """Sample i is the number i plus noise of random, NumPy and torch."""

    def __init__(self, size=8, poison=None):
        self.size, self.poison = size, poison
        self.metainfo = {"classes": ("any",)}

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        if index == self.poison:
            return {"x": torch.full((4,), float("nan")), "index": index}
        noise = [random.random(), np.random.rand(), float(torch.rand(())), 0.0]
        return {"x": torch.tensor(noise) + index, "index": index}


class TinyModel(BaseModel):
    """Linear, BatchNorm, dropout: weights, buffers and draws of its own."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 1)
        )

    def forward(self, x, index, mode="tensor"):
        """The loss, or predictions."""
        outputs = self.layers(x)
        if mode == "loss":
            return {"loss": (outputs.squeeze(1) - index.float()).square().mean()}
        return [outputs]


class Journal(Hook):
    """Appends a line a step: iteration, exact loss, samples."""

    def __init__(self, path, pause=0.0):
        self.path, self.pause = Path(path), pause

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        """Write before anything else can stop the run."""
        samples = ",".join(f"{float(x.sum()).hex()}" for x in data_batch["x"])
        with self.path.open("a") as file:
            file.write(f"{runner.iter} {outputs['loss'].item().hex()} {samples}\n")
        time.sleep(self.pause)


def build(work_dir, *, journal, by_epoch=True, workers=0, steps=12, hooks=(), pause=0.0, **more):
    """A runner; ``steps`` counts iterations, 3 to an epoch."""
    torch.set_num_threads(1)
    loop = {"type": IterBasedTrainLoop, "max_iters": steps}
    if by_epoch:
        loop = {"type": EpochBasedTrainLoop, "max_epochs": steps // 3}
    loader = {
        "batch_size": 3,
        "num_workers": workers,
        "dataset": {"type": NoisySet, "poison": more.pop("poison", None)},
        "sampler": {"type": more.pop("sampler", "DefaultSampler"), "shuffle": True},
        "collate_fn": {"type": "default_collate"},
    }
    schedule = {"type": "CosineAnnealingLR", "T_max": steps, "by_epoch": False}
    saving = {"type": "CheckpointHook", "by_epoch": False, "interval": 4}
    return Runner(
        model={"type": TinyModel},
        work_dir=str(work_dir),
        train_dataloader=loader,
        train_cfg=loop,
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.01, "momentum": 0.9}},
        param_scheduler=[schedule],
        default_hooks={"checkpoint": {**saving, **more.pop("saving", {})}},
        custom_hooks=[Journal(journal, pause), *hooks],
        randomness={"seed": 3},
        default_scope="mmengine",
        experiment_name=f"tiny{time.monotonic_ns()}",
        log_level="ERROR",
        **more,
    )


def lines(journal):
    """Iteration -> everything that was ever written about it, which should be one thing."""
    seen: dict[int, set[str]] = {}
    for line in Path(journal).read_text().splitlines():
        iteration, _, rest = line.partition(" ")
        seen.setdefault(int(iteration), set()).add(rest)
    return seen
