"""Count what a function does, where a time would only tell how busy the machine is."""

from collections import Counter

from torch.utils._python_dispatch import TorchDispatchMode


class Operations(TorchDispatchMode):
    """The operations of torch that run inside of it, by name."""

    def __init__(self):
        super().__init__()
        self.count = Counter()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        self.count[operation.overloadpacket.__name__] += 1
        return operation(*args, **(kwargs or {}))


def operations(function, *args, **kwargs):
    """Count the operations of a call."""
    with Operations() as mode:
        function(*args, **kwargs)
    return mode.count
