"""Convolution weights in channels-last layout, which processors and tensor cores prefer."""

import torch
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmdense.registry import HOOKS

__all__ = ["ChannelsLastHook"]


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Moves the model's 4-D parameters to channels-last; activations follow the weights.

    Values do not change beyond rounding. Models of several processes are left alone:
    DistributedDataParallel lays out its gradients when it wraps, and with torch 2.13 they came out
    wrong where the layout of the weights changed afterwards; fully_shard refuses the change.
    """

    priority = "VERY_HIGH"

    def before_run(self, runner: Runner) -> None:
        """Convert before the first step, and before any hook copies the weights."""
        if get_world_size() == 1 and not is_model_wrapper(runner.model):
            runner.model.to(memory_format=torch.channels_last)
