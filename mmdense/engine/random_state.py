"""Random draws that the rest of a run does not notice."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ["kept_random_state"]


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Put the global generators back afterwards: random, NumPy, torch, and torch on this GPU.

    Starting a data loader draws too: its workers' seed comes from torch's generator.
    """
    before = random.getstate(), np.random.get_state()
    # A GPU that nothing was computed on yet has no state to keep.
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
