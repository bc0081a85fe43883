"""A hook that makes steps long enough to be interrupted."""

import time

from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class Slow(Hook):
    """Waits before each training step."""

    def __init__(self, seconds):
        self.seconds = seconds

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        """Wait."""
        time.sleep(self.seconds)
