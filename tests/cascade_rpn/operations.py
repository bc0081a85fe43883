"""Count what a function does, where a time would depend on the load of the machine."""

from collections import Counter

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Operations(TorchDispatchMode):
    """The operations of torch that run inside of it, by name, and their largest result."""

    def __init__(self):
        super().__init__()
        self.count = Counter()
        self.largest = 0  # elements

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        self.count[operation.overloadpacket.__name__] += 1
        out = operation(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, tuple | list) else [out]:
            if isinstance(tensor, torch.Tensor):
                self.largest = max(self.largest, tensor.numel())
        return out


def operations(function, *args, **kwargs):
    """Count the operations of a call."""
    with Operations() as mode:
        function(*args, **kwargs)
    return mode.count
