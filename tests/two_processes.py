"""Run a function in two processes that are a process group."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing


def in_two_processes(function: Callable[[], Any], folder: Path) -> list[Any]:
    """Return what the function returns in each process, a fork of this one.

    Args:
        function: It may call ``torch.distributed``, and returns tensors.
        folder: An existing folder for the results.
    """
    if torch.cuda.is_available():
        pytest.skip("on a machine with a GPU, autograd does not work in a fork")
    group = torch.multiprocessing.start_processes(
        _work, (function, folder), nprocs=2, join=False, start_method="fork"
    )
    end = time.monotonic() + 300
    while not group.join(timeout=5):
        if time.monotonic() > end:
            for process in group.processes:
                process.kill()
            raise TimeoutError("the two processes did not end within 5 minutes")
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


def _work(rank: int, function: Callable[[], Any], folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder}/group",
        rank=rank,
        world_size=2,
        timeout=timedelta(minutes=2),
    )
    torch.save(function(), folder / f"{rank}.pt")
    dist.destroy_process_group()
