"""Training with parameters that are sharded over the processes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mmengine._strategy import DDPStrategy, SingleDeviceStrategy
from mmengine.device import get_device
from mmengine.dist import get_world_size, is_main_process
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils._pytree import tree_map

from mmdense.registry import STRATEGIES

__all__ = ["FSDPStrategy", "whole_parameters"]


@STRATEGIES.register_module()
class FSDPStrategy(DDPStrategy):
    """MMEngine's strategy for ``torch.distributed.fsdp.fully_shard``, on GPUs and CPUs.

    Needs ``runner_type = 'FlexibleRunner'``. Checkpoints are those of one process: they hold whole
    tensors, whatever the number of processes. MMEngine's own strategy of this name wraps the older
    ``FullyShardedDataParallel``, which torch runs on accelerators only.

    Args:
        shard: Names of classes of modules that are gathered and freed one by one; what is in none
            of them is gathered with the whole model.

    Raises:
        ValueError: The model has none of the classes in ``shard``.
    """

    def __init__(self, *, shard: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard = tuple(shard)

    def _wrap_model(self, model: nn.Module) -> nn.Module:
        device = get_device()
        model = self.convert_model(model.to(device))
        mesh = init_device_mesh(device, (get_world_size(),))
        blocks = [module for module in model.modules() if type(module).__name__ in self.shard]
        if self.shard and not blocks:
            raise ValueError(f"{type(model).__name__} has no module of the classes {self.shard}")
        for module in (*reversed(blocks), model):  # inner ones first
            fully_shard(module, mesh=mesh)
        return model

    def model_state_dict(self) -> dict[str, Tensor]:
        """The whole weights, on the CPU; all processes must ask."""
        return _gathered(self.model.state_dict())

    def optim_state_dict(self) -> dict[str, Any]:
        """The whole state of the optimizer, on the CPU; all processes must ask."""
        return _gathered(super().optim_state_dict())

    def load_model_state_dict(self, state_dict: dict[str, Tensor], **kwargs: Any) -> None:
        """Take this process's part of whole weights."""
        own = self.model.state_dict()
        parts = {
            key: _part(value, own[key]) if key in own else value
            for key, value in state_dict.items()
        }
        super().load_model_state_dict(parts, **kwargs)

    def load_optim_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take this process's part of a whole state."""
        groups = self.optim_wrapper.optimizer.param_groups
        parameters = [parameter for group in groups for parameter in group["params"]]
        parts = {
            index: {name: _part(value, parameters[index]) for name, value in values.items()}
            for index, values in state_dict["state"].items()
        }
        super().load_optim_state_dict({**state_dict, "state": parts})

    def save_checkpoint(self, filename: str, *, save_optimizer: bool = True, **kwargs: Any) -> None:
        """Gather the parts of all processes; the first one writes."""
        if is_main_process():
            kwargs["save_optimizer"] = save_optimizer
            SingleDeviceStrategy.save_checkpoint(self, filename, **kwargs)
            return
        self.model_state_dict()
        if save_optimizer and hasattr(self, "optim_wrapper"):
            self.optim_state_dict()


@contextmanager
def whole_parameters(model: nn.Module) -> Iterator[None]:
    """Gather the parameters of a sharded model inside the context.

    The forward pass of the whole model gathers them itself. Parts of it, such as its backbone, can
    only be called inside this context. All processes must enter it.
    """
    parts = [module for module in model.modules() if isinstance(module, FSDPModule)]
    for part in parts:
        part.unshard()
    try:
        yield
    finally:
        for part in parts:
            part.reshard()


def _gathered(state: Any) -> Any:
    def whole(value: Any) -> Any:
        if isinstance(value, DTensor):
            value = value.full_tensor()
        return value.detach().cpu() if isinstance(value, Tensor) else value

    return tree_map(whole, state)


def _part(value: Any, like: Tensor) -> Any:
    """The part of ``value`` that belongs to this process, if ``like`` is sharded."""
    if not (isinstance(like, DTensor) and isinstance(value, Tensor) and value.shape == like.shape):
        return value
    value = value.to(like.device)
    return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None)
