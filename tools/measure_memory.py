"""Watch the memory of a long training on tiny pictures, and keep the record.

python tools/measure_memory.py WHAT [--steps 10000]
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WARM_UP = 0.1  # share of the steps


def main() -> int:
    """Train SimSiam on Collage in its tiny size with two workers; keep what was resident."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", metavar="WHAT", help="names results/memory/<date>_<WHAT>")
    parser.add_argument("--steps", type=int, default=10_000, help="default: %(default)s")
    args = parser.parse_args()

    from mmengine.config import Config
    from mmengine.hooks import Hook

    from mmdense.data import collage
    from mmdense.engine import launch
    from mmdense.records.record import Record, RecordError, keep
    from mmdense.registry import HOOKS

    @HOOKS.register_module()
    class WatchMemory(Hook):
        """Every hundredth of the steps, what this process and its workers hold."""

        samples: list[float] = []  # noqa: RUF012 (one run a process)

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            if (runner.iter + 1) % max(1, args.steps // 100) == 0:
                self.samples.append(sum(map(_resident_mib, _family())))

    place = collage.ensure("tiny", root=ROOT / "data")
    cfg = Config.fromfile(ROOT / "configs" / "pretrain" / "simsiam_r18_collage.py")
    cfg.train_dataloader.batch_size = 8
    cfg.train_dataloader.num_workers = 2
    cfg.train_dataloader.dataset.data_root = str(place / "unlabelled")
    cfg.data_preprocessor.size = 32
    cfg.model.backbone.base_channels = 8
    cfg.model.backbone.stem_channels = 8
    cfg.model.neck.update(in_channels=64, hid_channels=32, out_channels=32)
    cfg.model.head.predictor.update(in_channels=32, hid_channels=16, out_channels=32)
    cfg.train_cfg = {"type": "IterBasedTrainLoop", "max_iters": args.steps}
    cfg.param_scheduler = None
    cfg.default_hooks.logger.interval = 500
    cfg.custom_hooks = [{"type": "mmdense.WatchMemory"}]
    record = Record.begin("simsiam_tiny", "memory", config=cfg.to_dict(), seed=None)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        cfg.work_dir = folder
        cfg.launcher = "none"
        launch.fit_to_machine(cfg)
        launch.build_runner(cfg).train()
    record.wall_time_s = time.perf_counter() - started
    samples = WatchMemory.samples
    early = samples[int(len(samples) * WARM_UP)]
    record.metrics = {"steps": args.steps, "early_mib": early, "late_mib": samples[-1]}
    print(", ".join(f"{name} {value:.6g}" for name, value in record.metrics.items()))
    print("MiB:", " ".join(f"{sample:.0f}" for sample in samples))
    try:
        print(f"wrote {keep(record, args.what, root=ROOT / 'results')}")
    except RecordError as error:
        print(f"not kept: {error}", file=sys.stderr)
        return 1
    return 0


def _family() -> list[int]:
    """This process and its children."""
    own = os.getpid()
    children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
    return [own, *map(int, children)]


def _resident_mib(process: int) -> float:
    """Resident memory, shared pages in equal shares."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"/proc/{process}/smaps_rollup has no Pss")


if __name__ == "__main__":
    sys.exit(main())
