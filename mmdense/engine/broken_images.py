"""The hook that reports which pictures a training went without."""

from __future__ import annotations

import logging
from pathlib import Path

from mmengine import dist
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmdense.data.checks.skip_broken import SkipBroken, skipping_datasets
from mmdense.registry import HOOKS

__all__ = ["FILE_NAME", "BrokenImagesHook"]

FILE_NAME = "broken_images.txt"


@HOOKS.register_module()
class BrokenImagesHook(Hook):
    """Logs the count and the names of the pictures that ``mmdense.SkipBroken`` left out.

    That is done after each epoch and, where a run counts iterations, before each validation; the
    names stand also in ``<work_dir>/broken_images.txt``. The ranks are added up: one picture
    counts once, and the limit holds for all of them together. Where no data set skips, the hook
    does nothing.

    The base configs of mmdense have it, and ``tools/train.py`` adds it to others.

    Raises:
        TooManyBrokenImagesError: all ranks together found more than the limit, on each rank.
    """

    def __init__(self) -> None:
        self._datasets: list[SkipBroken] = []
        self._told = 0  # pictures in the last report

    def before_train(self, runner: Runner) -> None:
        """Find the data sets that skip, and take away the list of an earlier run."""
        self._datasets = list(skipping_datasets(runner.train_dataloader.dataset))
        if runner.rank == 0:
            (Path(runner.work_dir) / FILE_NAME).unlink(missing_ok=True)

    def after_train_epoch(self, runner: Runner) -> None:
        """Report on the epoch."""
        if self._datasets:
            self._add_up_ranks()
            self._report(runner)

    def before_val_epoch(self, runner: Runner) -> None:
        """Report what is new since the last epoch; an iteration-based run has only one."""
        if self._add_up_ranks() > self._told:
            self._report(runner)

    def _add_up_ranks(self) -> int:
        """Let each rank know what any rank has found; returns the count."""
        for data in self._datasets:
            dist.all_reduce(data.broken, "max")  # in place: the workers see it too
        return sum(len(data.broken_indices()) for data in self._datasets)

    def _report(self, runner: Runner) -> None:
        self._told = sum(len(data.broken_indices()) for data in self._datasets)
        if runner.rank == 0:
            total = sum(len(data) for data in self._datasets)
            # The iteration also makes the line a new one: the logger drops a warning said before.
            said = f"iteration {runner.iter}: {self._told} of {total} pictures are broken"
            if self._told:
                said += " and were replaced:\n" + self._write_names(Path(runner.work_dir))
            print_log(said, "current", logging.WARNING if self._told else logging.INFO)
        for data in self._datasets:
            data.check_limit()

    def _write_names(self, work_dir: Path) -> str:
        """Write one line a picture, with the reason, to the work directory; returns the lines."""
        reasons = [data.why(index) for data in self._datasets for index in data.broken_indices()]
        lines = "".join(f"{reason}\n" for reason in reasons)
        (work_dir / FILE_NAME).write_text(lines)
        return lines.rstrip()
