"""What makes a training faster: bfloat16, and convolution weights in channels-last layout."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import nn

from mmdense.registry import HOOKS, OPTIM_WRAPPERS

__all__ = ["BFloat16OptimWrapper", "ChannelsLastHook"]


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Run the forward pass under bfloat16 autocast, on a CPU as well as on a GPU.

    Weights and optimizer state stay float32. bfloat16 has the exponent range of float32, so no loss
    scale is needed. MMEngine's ``AmpOptimWrapper`` cannot be built on a CPU.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast inside MMEngine's context, which delays the gradient exchange of DDP."""
        device = torch.device(get_device()).type
        with super().optim_context(model), torch.autocast(device, dtype=torch.bfloat16):
            yield


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Move the 4-D parameters of the model to channels-last; activations follow the weights.

    Processors and tensor cores prefer this layout; values do not change beyond rounding. Models of
    several processes are left alone: with torch 2.13, DistributedDataParallel had wrong gradients
    if the layout of the weights changed after it wrapped them; fully_shard refuses the change.
    """

    priority = "VERY_HIGH"

    def before_run(self, runner: Runner) -> None:
        """Convert before the first step, and before any hook copies the weights."""
        if get_world_size() == 1 and not is_model_wrapper(runner.model):
            runner.model.to(memory_format=torch.channels_last)
