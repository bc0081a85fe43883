"""How many images a batch has."""

from typing import Any

from mmengine.runner import Runner

__all__ = ["batch_size"]


def batch_size(runner: Runner, data_batch: Any) -> int:
    """Images of a training batch of this process; two views of one image are one image."""
    if isinstance(data_batch, dict) and "data_samples" in data_batch:
        return len(data_batch["data_samples"])
    return runner.train_dataloader.batch_size
