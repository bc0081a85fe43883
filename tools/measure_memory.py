"""Measure the memory of a long training on tiny images, and keep the record.

python tools/measure_memory.py NAME [--steps 10000]
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mmdense.config.arguments import ToolParser
from mmdense.config.usage_error import one_line_errors

ROOT = Path(__file__).resolve().parents[1]
WARM_UP = 0.1  # fraction of the steps


@one_line_errors
def main() -> None:
    """Train SimSiam on tiny Collage with two workers; record the resident memory."""
    parser = ToolParser(__doc__)
    words = "keep the record as results/memory/<date>_<NAME>"
    parser.add_argument("what", metavar="NAME", help=words)
    parser.add_argument("--steps", type=int, default=10_000, help="default: %(default)s")
    args = parser.parse_args()
    from mmdense.engine import launch
    from mmdense.records.record import Record, keep

    cfg = _config(args.steps)
    record = Record.begin("memory", "simsiam_tiny", config=cfg.to_dict(), seed=None)
    samples = _watch(max(1, args.steps // 100))
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        cfg.work_dir, cfg.launcher = folder, "none"
        launch.build_runner(cfg, launch.training_steps()).train()
    record.wall_time_s = time.perf_counter() - started
    early = samples[int(len(samples) * WARM_UP)]
    record.metrics = {"steps": args.steps, "early_mib": early, "late_mib": samples[-1]}
    print("MiB:", " ".join(f"{sample:.0f}" for sample in samples))
    print(", ".join(f"{name} {value:.6g}" for name, value in record.metrics.items()))
    print(f"wrote {keep(record, args.what, root=ROOT / 'results')}")


def _config(steps: int) -> Any:
    """A model of one eighth of the usual width on images of 32 px."""
    from mmengine.config import Config

    from mmdense.data.collage import generate as collage

    folder = collage.ensure("tiny", root=ROOT / "data")
    cfg = Config.fromfile(ROOT / "configs" / "pretrain" / "simsiam_r18_collage.py")
    cfg.train_dataloader.update(batch_size=8, num_workers=2)
    cfg.train_dataloader.dataset.data_root = str(folder / "unlabelled")
    cfg.data_preprocessor.common.size = 32
    cfg.model.backbone.update(stem_channels=8, base_channels=8)
    cfg.model.neck.update(in_channels=64, hid_channels=32, out_channels=32)
    cfg.model.head.predictor.update(in_channels=32, hid_channels=16, out_channels=32)
    cfg.train_cfg = {"type": "IterBasedTrainLoop", "max_iters": steps}
    cfg.param_scheduler = None
    cfg.default_hooks.logger.interval = 500
    cfg.custom_hooks = [{"type": "mmdense.WatchMemory"}]
    return cfg


def _watch(interval: int) -> list[float]:
    """Register a hook that appends the memory of this process and its workers, in MiB."""
    from mmengine.hooks import Hook

    from mmdense.registry import HOOKS

    samples: list[float] = []

    @HOOKS.register_module()
    class WatchMemory(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            if (runner.iter + 1) % interval == 0:
                samples.append(sum(map(_resident_mib, _family())))

    return samples


def _family() -> list[int]:
    """This process and its children."""
    own = os.getpid()
    children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
    return [own, *map(int, children)]


def _resident_mib(process: int) -> float:
    """Proportional set size: shared pages are divided by the number of processes."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"/proc/{process}/smaps_rollup has no Pss")


if __name__ == "__main__":
    sys.exit(main())
