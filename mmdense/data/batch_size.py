"""The number of images in a batch."""

from typing import Any

from mmengine.runner import Runner

__all__ = ["batch_size"]


def batch_size(runner: Runner, data_batch: Any) -> int:
    """Return the number of images in a training batch of this process; views are not counted."""
    if isinstance(data_batch, dict) and "data_samples" in data_batch:
        return len(data_batch["data_samples"])
    return runner.train_dataloader.batch_size
