"""A sampler that shuffles shards with nearly sequential reads.

Legend: N samples, R ranks, n = ceil(N / R) samples of a rank.
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
    """Shuffle the shards, then the samples within windows of a few shards.

    The order of all N samples depends only on the seed and the epoch, not on the number of ranks or
    workers. The shuffled shards are divided into equal windows of at most ``window`` shards, and
    the samples of each window are shuffled. Rank r takes samples r n to (r + 1) n of this order, so
    it reads about 1 / R of the shards, and at most ``window`` of them at a time. If R does not
    divide N, the last ranks continue with the first samples of the order. Fewer than R samples are
    thus repeated in an epoch.

    :meth:`load_state_dict` starts an epoch at any position without reading the earlier samples.

    Args:
        dataset: A :class:`mmdense.data.shards.dataset.ShardDataset`.
        window: Maximum number of shards whose samples are mixed.
        seed: Random seed, the same on all ranks; MMEngine passes the seed of the run.

    Raises:
        TypeError: ``dataset`` is not a ``ShardDataset``.
        ValueError: ``window`` is below 1.
    """

    def __init__(self, dataset: ShardDataset, *, window: int = 8, seed: int | None = None) -> None:
        if not isinstance(dataset, ShardDataset):
            raise TypeError(
                "mmdense.ShardSampler needs a mmdense.ShardDataset, not "
                f"{type(dataset).__name__}. Use DefaultSampler for other data sets."
            )
        if window < 1:
            raise ValueError(f"mmdense.ShardSampler: window must be at least 1, got {window}")
        self.rank, self.world_size = get_dist_info()
        self.window = window
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        self._sizes = np.array(dataset.shard_sizes)
        self._starts = np.cumsum(self._sizes) - self._sizes  # index of each shard's first sample
        self._size = len(dataset)  # N
        self._begin = 0  # start of the next iteration
        self._given = 0  # samples of this epoch that were yielded

    def __len__(self) -> int:
        """Return the number of samples of this rank in a whole epoch, n."""
        return math.ceil(self._size / self.world_size)

    def __iter__(self) -> Iterator[int]:
        """Yield sample indices from the loaded position; the next iteration yields all."""
        begin, self._begin = self._begin, 0
        return self._from(begin)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; a new epoch starts at its first sample."""
        if epoch != self.epoch:
            self.epoch, self._begin, self._given = epoch, 0, 0

    def state_dict(self) -> dict[str, int]:
        """Return the epoch and the number of samples that this rank has yielded.

        Workers prefetch, so a caller that counts the trained samples overwrites ``position`` with
        that number.
        """
        return {"epoch": self.epoch, "position": self._given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Start the next iteration at sample ``position`` of this rank in ``epoch``.

        Raises:
            ValueError: The position is outside the epoch, for example because the data or the
                number of ranks changed.
        """
        epoch, position = state["epoch"], state["position"]
        if not 0 <= position <= len(self):
            raise ValueError(
                f"position {position} of epoch {epoch}: a rank has only {len(self)} samples "
                f"({self._size} on {self.world_size} ranks). Resume with the same data and ranks."
            )
        self.epoch, self._begin, self._given = epoch, position, position

    def _from(self, position: int) -> Iterator[int]:
        """Yield the samples of this rank from ``position`` on."""
        first = self.rank * len(self)
        while position < len(self):
            place = (first + position) % self._size
            for index in self._rest_of_window(place)[: len(self) - position]:
                position += 1
                self._given = position
                yield index

    def _rest_of_window(self, place: int) -> list[int]:
        """Return the order of the epoch from ``place`` to the end of its window."""
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
