"""Readings of the monitor on 7 images, in one process or in two of 5 and 2.

python tests/processes/collapse_readings.py FILE, alone or under torch.distributed.run: saves those
of the first process.
"""

import os
import sys

import torch
import torch.distributed as dist
from torch import nn

import mmdense  # noqa: F401
from mmdense.collapse.monitor import STEP, Monitor
from mmdense.ssl.gather import mean_over_ranks


class _Model(nn.Module):
    """Two linear layers, a predictor and SimSiam's loss, a mean over the images of all."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.neck, self.head = nn.Linear(4, 6), nn.Linear(6, 6), nn.Module()
        self.head.predictor = nn.Linear(6, 6)

    def loss(self, views):
        z = [self.neck(self.backbone(view)) for view in views]
        p = [self.head.predictor(view) for view in z]
        pairs = zip(p, z[::-1], strict=True)
        losses = [mean_over_ranks(-torch.cosine_similarity(a, b.detach())) for a, b in pairs]
        return 0.5 * (losses[0] + losses[1])


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = _Model()
    image = torch.randn(7, 4)
    views = [image + 0.5 * torch.randn(7, 4) for _ in range(2)]
    if "RANK" in os.environ:
        dist.init_process_group("gloo")
        own = slice(0, 5) if dist.get_rank() == 0 else slice(5, 7)
        views = [view[own] for view in views]
    monitor = Monitor(model, layout=None)
    found = {}
    for step in range(2):
        monitor.begin(with_gradients=True)
        model.loss([view + step for view in views]).backward()
        values = monitor.read_step(len(views[0])).tolist()
        found |= {f"{name} {step}": value for name, value in zip(STEP, values, strict=True)}
        readings, size, channels = monitor.read_batch()
        found |= {f"{name} {step}": value for name, value in readings.items()}
    found |= {"size": size, "channels": channels, "vectors": monitor.vectors}
    if not dist.is_initialized() or dist.get_rank() == 0:
        torch.save(found, sys.argv[1])
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
