"""A hook that kills one rank once, as a failing machine would."""

import os
import signal
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class KillOnce(Hook):
    """Ends rank 1 by SIGKILL in iteration 5, unless ``note`` exists."""

    def __init__(self, note):
        self.note = Path(note)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        """Kill before the step."""
        if runner.rank == 1 and runner.iter == 5 and not self.note.exists():
            self.note.touch()
            os.kill(os.getpid(), signal.SIGKILL)
