"""A run that gets a signal to stop writes a checkpoint first."""

import os
import signal
import threading
import time
from types import FrameType
from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import EMAHook, Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmdense.registry import HOOKS

__all__ = ["EXIT_CODE", "FILE_NAME", "PreemptionHook"]

EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: try again
FILE_NAME = "interrupted.pth"

_ECHO_SECONDS = 1.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@HOOKS.register_module()
class PreemptionHook(Hook):
    """On Ctrl-C, SIGTERM or SIGUSR1: end the step, write a checkpoint, exit with code 75.

    The checkpoint is ``<work_dir>/interrupted.pth``; ``--resume`` continues with the next batch, or
    starts the interrupted validation again. If one rank gets a signal, all stop after the same
    step; several ranks finish a validation first, as they may have different numbers of batches.

    A second signal within a second counts as an echo of the first (clusters and shells often signal
    both a process and its parent, which passes it on); after that it has its usual effect at once.

    Metrics may fork a pool and stop it by SIGTERM: processes forked while metrics compute have the
    usual handlers. Workers of data loaders keep ours, so they survive a signal to the whole group.
    """

    priority = "LOWEST"  # after the schedules have moved on and the regular checkpoint is written

    def __init__(self) -> None:
        self._received: int | None = None
        self._since = 0.0
        self._before: dict[int, Any] = {}
        self._computes_metrics = self._lent = False
        os.register_at_fork(before=self._lend_to_pool, after_in_parent=self._take_from_pool)

    def before_train(self, runner: Runner) -> None:
        """Take over the signals; Python allows that in the main thread only."""
        if threading.current_thread() is not threading.main_thread():
            print_log("not in the main thread: a signal will not save a checkpoint", "current")
            return
        self._take()

    def after_train_iter(self, runner: Runner, *args: object, **kwargs: object) -> None:
        """Stop after a whole number of steps."""
        if self._any_rank_was_signalled():
            self._save_and_exit(runner)

    def after_val_iter(
        self, runner: Runner, batch_idx: int, *args: object, **kwargs: object
    ) -> None:
        """Stop within a validation, which a resumed run repeats."""
        self._computes_metrics = batch_idx + 1 == len(runner.val_dataloader)
        if not self._before or self._received is None or get_world_size() > 1:
            return
        for hook in runner.hooks:
            if isinstance(hook, EMAHook):
                hook.after_val_epoch(runner)  # trained weights instead of their average
        runner.train_loop._iter -= 1  # MMEngine adds the running step; there is none
        self._save_and_exit(runner)

    def after_val_epoch(self, runner: Runner, *args: object, **kwargs: object) -> None:
        """The metrics are computed."""
        self._computes_metrics = False

    def _lend_to_pool(self) -> None:
        """Before a fork: in the new process, a signal to a handler of ours might be lost."""
        main = threading.current_thread() is threading.main_thread()
        self._lent = self._computes_metrics and bool(self._before) and main
        if self._lent:
            self._give_back()

    def _take_from_pool(self) -> None:
        if self._lent:
            self._take()

    def _take(self) -> None:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._note) or signal.SIG_DFL

    def _save_and_exit(self, runner: Runner) -> None:
        runner.save_checkpoint(runner.work_dir, FILE_NAME, by_epoch=False)
        name = signal.Signals(self._received).name if self._received else "a signal of another rank"
        print_log(
            f"{name}: stopped after iteration {runner.iter + 1}, saved "
            f"{runner.work_dir}/{FILE_NAME}; continue with --resume",
            logger="current",
        )
        self._give_back()
        raise SystemExit(EXIT_CODE)

    def after_train(self, runner: Runner) -> None:
        """Give the signals back."""
        self._give_back()

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._received is None:
            self._received, self._since = number, now
        elif now - self._since > _ECHO_SECONDS:
            signal.signal(number, self._before[number])
            os.kill(os.getpid(), number)

    def _any_rank_was_signalled(self) -> bool:
        signalled = self._received is not None
        if get_world_size() == 1:
            return signalled
        flag = torch.tensor(float(signalled))
        all_reduce(flag, "max")
        return bool(flag)

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
