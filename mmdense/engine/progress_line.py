"""The live line of a training on a terminal, below the lines of MMEngine's logger."""

import atexit
import logging
import time
from collections import deque
from datetime import timedelta
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from mmdense.data.batch_size import batch_size
from mmdense.records.environment import peak_gpu_memory_mib, peak_memory_mib
from mmdense.registry import HOOKS

__all__ = ["ProgressHook"]

_WINDOW = 50  # iterations that the speed and the loss are a mean of
_REFRESH_S = 0.25  # between two looks at the numbers
_MEMORY_S = 10.0  # between two looks at the memory, which walks over all processes


@HOOKS.register_module()
class ProgressHook(Hook):
    """Shows iteration, images per second, loss, learning rate, time left and peak memory.

    The lines of the logger appear above it, unchanged. Where the output is no terminal, and on all
    ranks but the first, this hook does nothing. The time left is that of the training iterations,
    without validation.
    """

    priority = "LOW"  # after the hooks that measure

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._streams: list[tuple[logging.StreamHandler, Any]] = []
        self._steps: deque[tuple[float, int]] = deque(maxlen=_WINDOW)  # seconds, images
        self._mark = self._shown = self._memory_seen = 0.0
        self._memory = ""

    def before_train(self, runner: Runner) -> None:
        """Draw the line, and let the logger write above it."""
        console = Console()
        if not console.is_terminal or not is_main_process():
            return
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
        above = _AboveTheLine(console)
        for handler in runner.logger.handlers:
            if type(handler) is logging.StreamHandler:
                self._streams.append((handler, handler.setStream(above)))
        self._mark = time.perf_counter()

    def before_train_epoch(self, runner: Runner) -> None:
        """What lay before this epoch does not count as training time."""
        self._mark = time.perf_counter()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Take the iteration into the numbers; now and then, show them."""
        if self._progress is None:
            return
        now = time.perf_counter()
        images = batch_size(runner, data_batch) * runner.world_size
        self._steps.append((now - self._mark, images))
        self._mark = now
        last = runner.iter + 1 == runner.max_iters
        if now - self._shown >= _REFRESH_S or last:
            self._shown = now
            self._show(runner)

    def before_val(self, runner: Runner) -> None:
        """Say what is going on."""
        self._describe("validate")

    def after_val(self, runner: Runner) -> None:
        """Training goes on, and its time counts again."""
        self._describe("train")
        self._mark = time.perf_counter()

    def after_train(self, runner: Runner) -> None:
        """Take the line away."""
        self._close()

    def _show(self, runner: Runner) -> None:
        assert self._progress is not None
        seconds = sum(step[0] for step in self._steps)
        images = sum(step[1] for step in self._steps)
        left = (runner.max_iters - runner.iter - 1) * seconds / len(self._steps)
        scalars = runner.message_hub.log_scalars
        numbers = [f"{images / seconds:.1f} images/s"]
        if "train/loss" in scalars:
            numbers.append(f"loss {scalars['train/loss'].mean(_WINDOW):.4g}")
        if "train/lr" in scalars:
            numbers.append(f"lr {scalars['train/lr'].current():.3g}")
        numbers += [f"{timedelta(seconds=round(left))} left", self._peak_memory()]
        self._progress.update(
            self._progress.task_ids[0], completed=runner.iter + 1, numbers=" ".join(numbers)
        )

    def _peak_memory(self) -> str:
        now = time.perf_counter()
        if not self._memory or now - self._memory_seen >= _MEMORY_S:
            self._memory_seen = now
            gpu = peak_gpu_memory_mib()
            mib = peak_memory_mib() if gpu is None else gpu
            self._memory = f"{mib / 1024:.1f} GiB"
        return self._memory

    def _describe(self, what: str) -> None:
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], description=what)

    def _close(self) -> None:
        """Give the logger its stream back and restore the terminal; again does nothing."""
        for handler, stream in self._streams:
            handler.setStream(stream)
        self._streams = []
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
        atexit.unregister(self._close)


class _AboveTheLine:
    """A stream whose lines a console prints above its live line, as they are."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._console.print(Text.from_ansi(line), soft_wrap=True)
        return len(text)

    def flush(self) -> None:
        """Nothing waits but a line that has not ended."""
