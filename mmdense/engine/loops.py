"""Training loops that resume exactly where a checkpoint was written, also within an epoch.

Both are MMEngine's loops over :func:`exact_loader`. MMEngine resumes at the start of the epoch in
one of them, and reads the skipped data again in the other.
"""

from __future__ import annotations

from typing import Any

from mmengine.runner import loops

from mmdense.engine.exact_loader import exact_loader, seed_step
from mmdense.registry import LOOPS

__all__ = ["EpochBasedTrainLoop", "IterBasedTrainLoop"]

_EPOCH_BEGIN = "epoch_begin"  # in the message hub: (epoch, its first iteration)
_VALIDATED = "validated_iter"  # in the message hub: iteration of the last complete validation


@LOOPS.register_module()
class EpochBasedTrainLoop(loops.EpochBasedTrainLoop):
    """Trains by epochs; resumed in the middle of one, it continues with the next batch.

    Raises:
        ValueError: There are fewer images than a batch, and ``drop_last`` leaves none.
    """

    dataloader: Any  # what exact_loader gives

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(self.dataloader) == 0:
            images, batch = len(self.dataloader.sampler), self.dataloader.batch_size
            raise ValueError(
                f"train_dataloader: a process has {images} images, which do not fill a batch of "
                f"{batch}, and drop_last=True leaves out batches that are not full. Set "
                f"train_dataloader.batch_size to {max(images, 1)} or less, or add images."
            )

    def run(self) -> Any:
        """Train from the current iteration to the end, with validation."""
        self.runner.call_hook("before_train")
        self.dataloader = exact_loader(self.dataloader, self.runner.seed)
        if self._batches_done() == 0:
            self._validate_if_due()  # where the last run stopped between training and validation
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._decide_current_val_interval()
            self._validate_if_due()
        self.runner.call_hook("after_train")
        return self.runner.model

    def run_epoch(self) -> None:
        """Train on what is left of the current epoch."""
        done = self._batches_done()
        self.dataloader.batch_sampler.begin(self._epoch, skip=done)
        self.runner.message_hub.update_info(_EPOCH_BEGIN, [self._epoch, self._iter - done])
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        for index, batch in enumerate(self.dataloader, start=done):
            seed_step(self.runner.seed, self._iter, self.runner.rank)
            self.run_iter(index, batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1

    def _batches_done(self) -> int:
        """Batches of the current epoch that the checkpoint has seen already."""
        epoch, first = self.runner.message_hub.runtime_info.get(_EPOCH_BEGIN, (-1, 0))
        if epoch != self._epoch:
            return 0
        return self._iter - first

    def _validate_if_due(self) -> None:
        at_interval = self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs
        if at_interval and self._epoch >= max(self.val_begin, 1):
            _validate_once(self)


@LOOPS.register_module()
class IterBasedTrainLoop(loops.IterBasedTrainLoop):
    """Trains by iterations; resumed, it continues with the next batch and reads no old data."""

    dataloader: Any  # what exact_loader gives

    def run(self) -> Any:
        """Train from the current iteration to the end, with validation."""
        self.runner.call_hook("before_train")
        self.dataloader = exact_loader(self.dataloader, self.runner.seed)
        self.dataloader_iterator = EndlessIterator(self.dataloader, skip=self._iter)
        self.runner.call_hook("before_train_epoch")
        self._validate_if_due()  # where the last run stopped between training and validation
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            batch = next(self.dataloader_iterator)
            seed_step(self.runner.seed, self._iter, self.runner.rank)
            self.run_iter(batch)
            self._decide_current_val_interval()
            self._validate_if_due()
        self.runner.call_hook("after_train_epoch")
        self.runner.call_hook("after_train")
        return self.runner.model

    def _validate_if_due(self) -> None:
        at_interval = self._iter % self.val_interval == 0 or self._iter == self._max_iters
        if at_interval and self._iter >= max(self.val_begin, 1):
            _validate_once(self)


class EndlessIterator:
    """Batches of a loader from :func:`exact_loader`, pass after pass.

    Args:
        loader: The loader; its sampler may be endless itself.
        skip: Batches to leave out at the beginning.

    Raises:
        ValueError: A pass has no batch.
    """

    def __init__(self, loader: Any, skip: int) -> None:
        if len(loader) == 0:
            raise ValueError(
                f"train_dataloader gives no batch from {len(loader.dataset)} samples; lower "
                "batch_size or set drop_last=False"
            )
        self._loader = loader
        self._skip = skip
        self._pass = 0
        self._batches: Any = None

    def __next__(self) -> Any:
        while True:
            if self._batches is None:
                self._loader.batch_sampler.begin(self._pass, self._skip)
                self._batches = iter(self._loader)
            batch = next(self._batches, None)
            if batch is not None:
                return batch
            self._skip = self._loader.batch_sampler.unskipped
            self._pass += 1
            self._batches = None


def _validate_once(loop: EpochBasedTrainLoop | IterBasedTrainLoop) -> None:
    """Validate, unless this very iteration was validated before the checkpoint was written."""
    hub = loop.runner.message_hub
    if loop.runner.val_loop is None or hub.runtime_info.get(_VALIDATED) == loop.iter:
        return
    loop.runner.val_loop.run()
    hub.update_info(_VALIDATED, loop.iter)
