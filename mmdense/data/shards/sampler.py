"""The order in which training reads shards: random, and near to sequential.

Letters: N samples, R ranks, n = ceil(N / R) samples of a rank.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator
from itertools import accumulate

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmdense.data.shards.dataset import ShardDataset
from mmdense.registry import DATA_SAMPLERS

__all__ = ["ShardSampler"]


@DATA_SAMPLERS.register_module()
class ShardSampler(Sampler[int]):
    """Shuffles the shards, and then the samples of a few shards at a time.

    An epoch is one order of all N samples, given by the seed and the epoch alone: not by the number
    of ranks or workers. The shuffled shards are dealt into equal windows of at most ``window``
    shards, and the samples of each window are shuffled. Rank r of R takes samples r n to r n + n of
    this order, so it reads some 1 / R of the shards, at most ``window`` of them at a time. Where R
    does not divide N, the last ranks go on with the first samples of the order, which are fewer
    than R and the only ones that are seen twice in an epoch.

    An epoch can begin anywhere, without reading what came before: :meth:`load_state_dict`.

    Args:
        dataset: A :class:`mmdense.data.shards.dataset.ShardDataset`.
        window: Shards whose samples are mixed.
        seed: The same on all ranks; the host gives that of the run.

    Raises:
        TypeError: The data set does not read shards.
        ValueError: ``window`` is below 1.
    """

    def __init__(self, dataset: ShardDataset, *, window: int = 8, seed: int | None = None) -> None:
        if not isinstance(dataset, ShardDataset):
            raise TypeError(
                f"mmdense.ShardSampler reads mmdense.ShardDataset, not {type(dataset).__name__}"
            )
        if window < 1:
            raise ValueError(f"window of mmdense.ShardSampler must be at least 1, got {window}")
        self.rank, self.world_size = get_dist_info()
        self.window = window
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        self._sizes = np.array(dataset.shard_sizes)
        self._starts = np.cumsum(self._sizes) - self._sizes  # number of each shard's first sample
        self._size = len(dataset)  # N
        self._begin = 0  # where the next iteration begins
        self._given = 0  # how many samples of this epoch were given out

    def __len__(self) -> int:
        """Samples of this rank in a whole epoch, n."""
        return math.ceil(self._size / self.world_size)

    def __iter__(self) -> Iterator[int]:
        """Numbers of samples, from where the state says; the next iteration has all."""
        begin, self._begin = self._begin, 0
        return self._from(begin)

    def set_epoch(self, epoch: int) -> None:
        """Take the order of an epoch, from its first sample unless it is the present one."""
        if epoch != self.epoch:
            self.epoch, self._begin, self._given = epoch, 0, 0

    def state_dict(self) -> dict[str, int]:
        """The epoch, and how many of its samples were given out on this rank.

        Workers ask ahead of the training step; whoever counts the samples that were trained on
        puts that number in the place of ``position``.
        """
        return {"epoch": self.epoch, "position": self._given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Let the next iteration begin at sample ``position`` of this rank in ``epoch``.

        Raises:
            ValueError: An epoch has no such position, as when the data or the number of ranks
                changed.
        """
        epoch, position = state["epoch"], state["position"]
        if not 0 <= position <= len(self):
            raise ValueError(
                f"position {position} of epoch {epoch}: a rank has {len(self)} samples, from "
                f"{self._size} on {self.world_size} ranks"
            )
        self.epoch, self._begin, self._given = epoch, position, position

    def _from(self, position: int) -> Iterator[int]:
        """Samples of this rank from ``position`` on."""
        first = self.rank * len(self)
        while position < len(self):
            place = (first + position) % self._size
            for index in self._rest_of_window(place)[: len(self) - position]:
                position += 1
                self._given = position
                yield index

    def _rest_of_window(self, place: int) -> list[int]:
        """The order of the epoch from ``place`` to the end of its window."""
        shards = self._generator(0).permutation(len(self._sizes))
        windows = np.array_split(shards, math.ceil(len(shards) / self.window))
        ends = list(accumulate(int(self._sizes[window].sum()) for window in windows))
        number = bisect.bisect_right(ends, place)
        samples = np.concatenate(
            [self._starts[shard] + np.arange(self._sizes[shard]) for shard in windows[number]]
        )
        self._generator(1, number).shuffle(samples)
        return samples[place - ends[number] + len(samples) :].tolist()

    def _generator(self, *key: int) -> np.random.Generator:
        return np.random.default_rng(
            np.random.SeedSequence(self.seed, spawn_key=(self.epoch, *key))
        )
