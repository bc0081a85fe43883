"""Nearest-neighbour search, and a plain search: all similarities of some queries, then topk.

The plain search runs once for every k.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.timing import compare, memory_result
from mmdense.evaluation.knn import nearest_neighbours

ROWS, QUERIES, CHANNELS = 50_000, 10_000, 512
KS = (20, 200)
_PLAIN_CHUNK = 1000  # queries of the plain search at a time, 191 MiB of similarities


def plain(bank: Tensor, queries: Tensor, k: int) -> Tensor:
    bank = F.normalize(bank, dim=1)
    chunks = F.normalize(queries, dim=1).split(_PLAIN_CHUNK)
    return torch.cat([(chunk @ bank.T).topk(k, dim=1).indices for chunk in chunks])


def run() -> list[dict]:
    generator = torch.Generator().manual_seed(0)
    bank = torch.randn(ROWS, CHANNELS, generator=generator)
    queries = torch.randn(QUERIES, CHANNELS, generator=generator)
    found = nearest_neighbours(bank, queries, k=max(KS))[1]
    for k in KS:  # similarities that differ by rounding only can change their order
        same = (found[:, :k] == plain(bank, queries, k)).double().mean()
        assert same > 0.999, f"k = {k}: {same:.5f} of the neighbours are the same"
    setting = f"bank {ROWS} x {CHANNELS}, {QUERIES} queries, k = 20 and 200"
    time = compare(
        "nearest neighbours for two k",
        lambda: nearest_neighbours(bank, queries, k=max(KS)),
        lambda: [plain(bank, queries, k) for k in KS],
        other_name="topk of all similarities for each k",
        setting=setting,
        rounds=2,
    )
    few = queries[: 2 * _PLAIN_CHUNK]  # the peak is that of one chunk
    memory = memory_result(
        "memory of nearest neighbours",
        lambda: nearest_neighbours(bank, few, k=max(KS)),
        len(few) * max(KS) * 12 / 2**20,
        other_mib=QUERIES * ROWS * 4 / 2**20,
        other_name="matrix of all similarities",
        setting=setting,
    )
    return [time, memory]
