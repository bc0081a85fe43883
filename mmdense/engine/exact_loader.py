"""A data loader whose random draws follow from positions, so that a run can resume exactly.

MMEngine's loader seeds each worker once, and a sample's draws then depend on the worker that
happened to load it and on everything that this worker loaded before. Here each sample is drawn
under a seed of its own, made of the run's seed, the pass over the data and the sample's place in
it. The draws are the same for any number of workers, for one process or several at the same
global batch, and for a run that begins in the middle of an epoch: only indices are skipped to
get there, no data is read.

    seed_of_sample   (seed, pass, place) -> seeds of random, NumPy and torch
    SampleKey        what goes from the batch sampler to the dataset instead of a bare index
    KeyedBatchSampler, SeededDataset, exact_loader   the three parts of the loader
"""

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dist import get_dist_info
from torch.utils.data import DataLoader, Dataset, Sampler

__all__ = [
    "KeyedBatchSampler",
    "SampleKey",
    "SeededDataset",
    "exact_loader",
    "kept_random_state",
    "seed_step",
]

_SAMPLES, _STEPS = 0, 1  # two families of seeds that never meet


class SampleKey(NamedTuple):
    """One sample to load."""

    number: int  # its index in the dataset
    epoch: int  # number of the pass over the data, from 0
    place: int  # its place in the pass, over all processes, from 0


class SeededDataset(Dataset):
    """A map-style dataset, with the global generators seeded for each sample.

    Everything else (``metainfo``, ``pipeline``, setting an attribute) reaches the dataset itself.
    """

    def __init__(self, dataset: Dataset, seed: int) -> None:
        self.__dict__.update(dataset=dataset, seed=seed)

    def __getitem__(self, key: SampleKey) -> Any:
        with kept_random_state():
            _seed_generators(_SAMPLES, self.seed, key.epoch, key.place)
            return self.dataset[int(key.number)]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # torch asks for __getitems__, which would go past the seeds
            raise AttributeError(name)
        return getattr(self.__dict__["dataset"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        owner = self.__dict__ if name in self.__dict__ else self.dataset.__dict__
        owner[name] = value

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


class KeyedBatchSampler(Sampler[list[SampleKey]]):
    """Gives out the batches of another batch sampler as keys, from any batch of a pass on.

    Args:
        batch_sampler: Gives lists of indices for this process; any of torch's or MMEngine's.

    Attributes:
        unskipped: Batches that should be skipped and did not exist in the last pass.
    """

    def __init__(self, batch_sampler: Any) -> None:
        self.batch_sampler = batch_sampler
        self.unskipped = 0
        self._epoch = 0
        self._skip = 0

    @property
    def sampler(self) -> Sampler[int]:
        """The sampler of single indices below, where MMEngine's hooks look for it."""
        return self.batch_sampler.sampler

    def begin(self, epoch: int, skip: int = 0) -> None:
        """Say which pass the next iterator gives, and how many of its batches to leave out."""
        self._epoch, self._skip = epoch, skip
        if hasattr(self.sampler, "set_epoch"):
            self.sampler.set_epoch(epoch)

    def __iter__(self) -> Iterator[list[SampleKey]]:
        skip, self._skip, epoch = self._skip, 0, self._epoch
        rank, world_size = get_dist_info()
        number = place = 0
        for number, indices in enumerate(self.batch_sampler, start=1):
            if number > skip:
                yield [
                    SampleKey(index, epoch, (place + offset) * world_size + rank)
                    for offset, index in enumerate(indices)
                ]
            place += len(indices)
        self.unskipped = max(0, skip - number)

    def __len__(self) -> int:
        return len(self.batch_sampler)


def exact_loader(loader: DataLoader, seed: int) -> DataLoader:
    """The same loader, with draws that follow from ``seed`` and positions alone.

    Raises:
        TypeError: The loader streams (an iterable dataset) or does not batch; it has no positions.
    """
    batches: Any = loader.batch_sampler
    if batches is None:
        raise TypeError(
            "train_dataloader has no batch sampler, so a run over it cannot be "
            "resumed; use a map-style dataset with a batch_size, or MMEngine's own loop "
            "(train_cfg.type = 'mmengine.EpochBasedTrainLoop')"
        )
    if hasattr(batches.sampler, "seed"):
        batches.sampler.seed = seed  # a resumed run has the seed of its checkpoint
    workers: dict[str, Any] = {}
    if loader.num_workers:
        workers = {
            "prefetch_factor": loader.prefetch_factor,
            "persistent_workers": loader.persistent_workers,
            "multiprocessing_context": loader.multiprocessing_context,
        }
    return DataLoader(
        SeededDataset(loader.dataset, seed),
        batch_sampler=KeyedBatchSampler(batches),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=partial(_start_worker, inner=loader.worker_init_fn),
        **workers,
    )


def seed_step(seed: int, iteration: int, rank: int) -> None:
    """Seed what one training step draws itself (dropout, views made on the batch)."""
    _seed_generators(_STEPS, seed, iteration, rank)


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Restore the global generators afterwards: random, NumPy, torch, and torch on this GPU.

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


def _seed_generators(*entropy: int) -> None:
    """Seed the global generators of random, NumPy and torch."""
    words = np.random.SeedSequence(entropy).generate_state(4)  # 32 bits each
    random.seed(int(words[0]))
    np.random.seed(words[1])
    torch.manual_seed(int(words[2]) << 32 | int(words[3]))


def _start_worker(worker_id: int, inner: Callable[[int], None] | None) -> None:
    """Ignore signals in a worker, which the main process still needs for the current step.

    The main process ends its workers with SIGTERM; a thread distinguishes that from the SIGTERM
    that a cluster sends to all processes of a job.
    """
    for number in (signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):  # not on macOS
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_with_the_parent, daemon=True).start()
    if inner is not None:
        inner(worker_id)


def _end_with_the_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)
