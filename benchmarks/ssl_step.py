"""A training step of SimSiam in bfloat16, as with ``--amp``, and in float32.

ResNet-18, two views of 224 px, batch 32, channels-last weights, as in runs by default. The
difference of the loss curves is measured on small views, because a step with large views takes
seconds. It is compared with the difference between seeds in float32.
"""

import time

import mmdense  # noqa: F401

# isort: split
import mmpretrain.models  # noqa: F401
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from torch.nn.functional import interpolate

from benchmarks.timing import result
from mmdense.data.views.parameters import ViewDistribution
from mmdense.data.views.random_view import random_view
from mmdense.machine import keep_freed_memory
from mmdense.registry import OPTIM_WRAPPERS

ROUNDS, CURVE = 4, 60


class _Side:
    """A model with its optimizer; a step returns the loss."""

    def __init__(self, wrapper, seed=0, lr=0.05):
        torch.manual_seed(seed)
        config = Config.fromfile("configs/_base_/models/simsiam_r18_w32.py").model
        config.backbone.update(stem_channels=64, base_channels=64)
        config.neck.in_channels = 512
        with DefaultScope.overwrite_default_scope("mmpretrain"):
            self.model = MODELS.build(config)
        self.model.init_weights()
        self.model.to(memory_format=torch.channels_last)
        sgd = torch.optim.SGD(self.model.parameters(), lr, momentum=0.9, weight_decay=1e-4)
        self.wrapper = OPTIM_WRAPPERS.build(dict(type=wrapper, optimizer=sgd))

    def step(self, views):
        with self.wrapper.optim_context(self.model):
            loss = self.model(views, mode="loss")["loss"]
        self.wrapper.update_params(loss)
        return float(loss.detach())

    def seconds(self, views):
        start = time.perf_counter()
        self.step(views)
        return time.perf_counter() - start


def run() -> list[dict]:
    torch.set_num_threads(2)
    keep_freed_memory()
    views = list(torch.randn(2, 32, 3, 224, 224).unbind())
    ours, other = _Side("mmdense.BFloat16OptimWrapper"), _Side("OptimWrapper")
    times = [(ours.seconds(views), other.seconds(views)) for _ in range(ROUNDS)]
    ours_s, other_s = (min(side) for side in zip(*times[1:], strict=True))
    setting = f"ResNet-18, two views of 224 px, batch 32, two threads; {_distance()}"
    return [
        result("SimSiam step in bfloat16", ours_s, other_s, other_name="float32", setting=setting)
    ]


def _distance():
    """Mean difference of the losses in bfloat16 and float32, and between seeds."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(CURVE, 16, 3, 8, 8, generator=generator)
    distribution = ViewDistribution(size=(64, 64))
    batches = []
    for images in coarse:
        scaled = interpolate(images, (96, 96), mode="bicubic").clamp(0, 1).mul(255).byte()
        batches.append(
            [random_view(scaled, distribution, generator=generator) - 0.5 for _ in range(2)]
        )

    def curve(wrapper, seed):
        side = _Side(wrapper, seed)
        return torch.tensor([side.step(views) for views in batches])

    plain = torch.stack([curve("OptimWrapper", seed) for seed in range(3)])  # [seeds, steps]
    short = torch.stack([curve("mmdense.BFloat16OptimWrapper", seed) for seed in range(3)])
    pairs = ((0, 1), (0, 2), (1, 2))
    seeds = sum(float((plain[i] - plain[j]).abs().mean()) for i, j in pairs) / len(pairs)
    formats = float((plain - short).abs().mean())
    return f"losses of {CURVE} steps at 64 px {formats:.3f} apart, of other seeds {seeds:.3f}"
