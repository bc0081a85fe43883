"""Where a training is: a live line on a terminal, and a status file for a program that waits."""

import atexit
import json
import logging
import math
import os
import time
from collections import deque
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from rich.console import Console
from rich.file_proxy import FileProxy
from rich.progress import BarColumn, Progress, TextColumn

from mmdense.data.batch_size import batch_size
from mmdense.records.environment import peak_gpu_memory_mib, peak_memory_mib
from mmdense.records.record import write_json
from mmdense.registry import HOOKS

__all__ = ["STATUS_FILE", "ProgressHook", "Status", "read_status"]

#: Environment variable: the file to which a training writes its :class:`Status`.
STATUS_FILE = "MMDENSE_STATUS_FILE"

_WINDOW = 50  # iterations over which speed and loss are averaged
_LINE_S = 0.25  # between two updates of the line
_FILE_S = 1.0  # between two updates of the file
_MEMORY_S = 10.0  # between two readings of the memory, which visit all processes


class Status(NamedTuple):
    """What a training is doing."""

    phase: str  # 'train' or 'validate'
    step: int  # training iterations, or batches of this validation, that are done
    steps: int  # of `step`, in all
    loss: float | None = None  # mean of the last 50 iterations; None if there is none yet
    seconds_left: float | None = None  # of training, without validation

    def __str__(self) -> str:
        """Such as ``train 120/500, loss 0.731, 0:01:35 left``."""
        parts = [f"{self.phase} {self.step}/{self.steps}"]
        if self.loss is not None:
            parts.append(f"loss {self.loss:.3f}")
        if self.seconds_left is not None:
            parts.append(f"{timedelta(seconds=round(self.seconds_left))} left")
        return ", ".join(parts)


def read_status(path: Path) -> Status | None:
    """Return what a training wrote to its status file; ``None`` before the first time."""
    return Status(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


@HOOKS.register_module()
class ProgressHook(Hook):
    """Show iteration, images per second, loss, learning rate, time left and peak memory.

    On a terminal, the lines of the logger appear above the live line, unchanged. If the environment
    sets ``MMDENSE_STATUS_FILE``, the hook also writes a :class:`Status` there, once a second at
    most. On all ranks but the first it does nothing.
    """

    priority = "LOW"  # after the hooks that measure

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._file: str | None = None
        self._streams: list[tuple[logging.StreamHandler, Any]] = []
        self._steps: deque[tuple[float, int]] = deque(maxlen=_WINDOW)  # seconds, images
        self._mark = self._shown = self._written = self._memory_seen = 0.0
        self._memory = ""

    def before_train(self, runner: Runner) -> None:
        """Draw the line, and let the logger write above it."""
        if not is_main_process():
            return
        self._file = os.environ.get(STATUS_FILE)
        console = Console()
        if console.is_terminal:
            self._draw_line(runner, console)
        self._mark = time.perf_counter()

    def before_train_epoch(self, runner: Runner) -> None:
        """Exclude what was before this epoch from the training time."""
        self._mark = time.perf_counter()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Count the iteration; show the numbers if the last time was long enough ago."""
        if self._progress is None and self._file is None:
            return
        now = time.perf_counter()
        images = batch_size(runner, data_batch) * runner.world_size
        self._steps.append((now - self._mark, images))
        self._mark = now
        last = runner.iter + 1 == runner.max_iters
        if now - self._shown >= _LINE_S or last:
            self._shown = now
            self._show(runner)

    def before_val(self, runner: Runner) -> None:
        """Show that validation is running."""
        self._describe("validate")

    def after_val_iter(self, runner: Runner, batch_idx: int, *args: Any, **kwargs: Any) -> None:
        """Write how far the validation is."""
        if self._file is not None:
            self._write(Status("validate", batch_idx + 1, len(runner.val_dataloader)))

    def after_val(self, runner: Runner) -> None:
        """Show that training continues, and count its time again."""
        self._describe("train")
        self._mark = time.perf_counter()

    def after_train(self, runner: Runner) -> None:
        """Remove the line."""
        self._close()

    def _draw_line(self, runner: Runner, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=10),
            TextColumn("{task.completed}/{task.total} {task.fields[numbers]}"),
            console=console,
            transient=True,
        )
        self._progress.add_task("train", total=runner.max_iters, completed=runner.iter, numbers="")
        self._progress.start()
        atexit.register(self._close)  # a run that raises never comes to after_train
        for handler in runner.logger.handlers:
            if type(handler) is logging.StreamHandler:
                above: Any = FileProxy(console, handler.stream)  # prints above the line
                self._streams.append((handler, handler.setStream(above)))

    def _show(self, runner: Runner) -> None:
        seconds = sum(step[0] for step in self._steps)
        images = sum(step[1] for step in self._steps)
        left = (runner.max_iters - runner.iter - 1) * seconds / len(self._steps)
        scalars = runner.message_hub.log_scalars
        loss = scalars["train/loss"].mean(_WINDOW) if "train/loss" in scalars else None
        if self._file is not None:
            finite = float(loss) if loss is not None and math.isfinite(loss) else None
            self._write(Status("train", runner.iter + 1, runner.max_iters, finite, left))
        if self._progress is None:
            return
        numbers = [f"{images / seconds:.1f} images/s"]
        numbers += [] if loss is None else [f"loss {loss:.4g}"]
        if "train/lr" in scalars:
            numbers.append(f"lr {scalars['train/lr'].current():.3g}")
        numbers += [f"{timedelta(seconds=round(left))} left", self._peak_memory()]
        self._progress.update(
            self._progress.task_ids[0], completed=runner.iter + 1, numbers=" ".join(numbers)
        )

    def _write(self, status: Status) -> None:
        now = time.perf_counter()
        if self._file is None or now - self._written < _FILE_S:
            return
        self._written = now
        try:
            write_json(status._asdict(), self._file)
        except OSError:  # a full disk must not end the training because of this file
            self._file = None

    def _peak_memory(self) -> str:
        now = time.perf_counter()
        if not self._memory or now - self._memory_seen >= _MEMORY_S:
            self._memory_seen = now
            gpu = peak_gpu_memory_mib()
            mib = peak_memory_mib() if gpu is None else gpu
            self._memory = f"{mib / 1024:.1f} GiB"
        return self._memory

    def _describe(self, phase: str) -> None:
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], description=phase)

    def _close(self) -> None:
        """Give the logger its stream back and restore the terminal; again does nothing."""
        for handler, stream in self._streams:
            handler.setStream(stream)
        self._streams = []
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
        atexit.unregister(self._close)
