"""The hook that reports which images a training skipped."""

from __future__ import annotations

import logging
from pathlib import Path

from mmengine import dist
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmdense.data.checks.skip_broken import SkipBroken, skipping_datasets
from mmdense.records.record import write_text
from mmdense.registry import HOOKS

__all__ = ["FILE_NAME", "BrokenImagesHook"]

FILE_NAME = "broken_images.txt"


@HOOKS.register_module()
class BrokenImagesHook(Hook):
    """Log the number and the names of the images that ``mmdense.SkipBroken`` replaced.

    It does so after each epoch and, in a run that counts iterations, before each validation that
    finds more; ``<work_dir>/broken_images.txt`` lists the names, too. An image that several ranks
    skip counts once, and the limit holds for all ranks together. Without a data set that skips, the
    hook does nothing. The tools add it to every training.

    Raises:
        TooManyBrokenImagesError: All ranks together found more than the limit; on each rank.
    """

    def __init__(self) -> None:
        self._datasets: list[SkipBroken] = []
        self._reported = 0  # images in the last report

    def before_train(self, runner: Runner) -> None:
        """Find the data sets that skip, and remove the list of an earlier run."""
        self._datasets = list(skipping_datasets(runner.train_dataloader.dataset))
        if runner.rank == 0:
            (Path(runner.work_dir) / FILE_NAME).unlink(missing_ok=True)

    def after_train_epoch(self, runner: Runner) -> None:
        """Report on the epoch."""
        if self._datasets:
            self._add_ranks()
            self._report(runner)

    def before_val_epoch(self, runner: Runner) -> None:
        """Report what is new since the last epoch; a run that counts iterations has one epoch."""
        if self._add_ranks() > self._reported:
            self._report(runner)

    def _add_ranks(self) -> int:
        """Let each rank know what any rank has found; return the count."""
        for data in self._datasets:
            dist.all_reduce(data.broken, "max")  # in place: the workers see it, too
        return sum(len(data.broken_indices()) for data in self._datasets)

    def _report(self, runner: Runner) -> None:
        reasons = [data.why(index) for data in self._datasets for index in data.broken_indices()]
        self._reported = len(reasons)
        if runner.rank == 0:
            total = sum(len(data) for data in self._datasets)
            # The iteration makes each line a new one: the logger drops a warning that it has shown.
            text = f"iteration {runner.iter}: {self._reported} of {total} images are broken"
            if reasons:
                lines = "\n".join(reasons)
                text += f" and were replaced:\n{lines}"
                write_text(f"{lines}\n", Path(runner.work_dir) / FILE_NAME)
            print_log(text, "current", logging.WARNING if reasons else logging.INFO)
        for data in self._datasets:
            data.check_limit()
