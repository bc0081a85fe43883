"""Time of the collapse monitor and of a training step: SimSiam with a ResNet-18 at 32 px.

The ratio is the time of a step divided by that of the readings. Readings of a batch are taken every
50 steps.
"""

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from benchmarks.timing import result, seconds
from mmdense.collapse.monitor import Monitor
from mmdense.machine import keep_freed_memory
from mmdense.registry import MODELS

BATCH, INTERVAL, ROUNDS = 128, 50, 4
CONFIG = "configs/simsiam_decomp/simsiam_r18_cifar10_lr05_200e.py"


def run() -> list[dict]:
    keep_freed_memory()
    step_s, of_step, of_batch = _measure()
    threads = torch.get_num_threads()
    setting = f"ResNet-18 at 32 px, D 2048, batch {BATCH}, {threads} threads"
    parts = {
        "of a step": of_step,
        f"of a batch over {INTERVAL} steps": of_batch / INTERVAL,
    }
    return [
        result(
            f"Collapse monitor, readings {name}",
            part_s,
            step_s,
            other_name="training step",
            setting=setting,
        )
        for name, part_s in parts.items()
    ]


def _measure() -> list[float]:
    """Minimum seconds of a training step, of its readings, and of the readings of a batch."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(Config.fromfile(CONFIG).model).train()
    optimiser = torch.optim.SGD(model.parameters(), 0.03, momentum=0.9)
    views = list(torch.randn(2, BATCH, 3, 32, 32).unbind())
    monitor = Monitor(model, layout=None)

    def step() -> None:
        monitor.begin(with_gradients=True)
        optimiser.zero_grad()
        model.loss(views, [])["loss"].backward()
        optimiser.step()

    parts = (step, lambda: monitor.read_step(BATCH), monitor.read_batch)
    times = [[seconds(part) for part in parts] for _ in range(ROUNDS)]
    return [min(of_part) for of_part in zip(*times[1:], strict=True)]
