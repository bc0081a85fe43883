"""Both probes on a model of fixed weights, and rows that are gathered, by one or two processes."""

from types import SimpleNamespace
from unittest.mock import Mock

import torch
import torch.distributed as dist
from mmengine.logging import MessageHub

from mmdense.evaluation.gather_features import gather_batches
from mmdense.evaluation.knn_hook import KNNHook
from mmdense.evaluation.linear_probe_hook import LinearProbeHook
from tests.mmdense.evaluation.tiny_siamese import Colours, build

# 31 and 61 images: of two ranks, the second has a batch of the first less.
IMAGES = {
    "train_dataloader": {"dataset": {"type": Colours, "size": 31}, "batch_size": 5},
    "test_dataloader": {"dataset": {"type": Colours, "size": 61, "seed": 1}, "batch_size": 4},
}


# Rows and batch size; of 7 rows in batches of 3, the second of two ranks has one batch only.
GATHERED = [(7, 3), (3, 3), (12, 2), (13, 2), (14, 5), (9, 100)]


def share(rows, rank, world_size, size):
    """Batches of the rows rank, rank + W, ...; row i has the features (i, -i) and the label i."""
    numbers = torch.arange(rows)[rank::world_size]
    for own in numbers.split(size):
        yield torch.stack([own, -own], dim=1).float(), own


def gathered(rank=0, world_size=1):
    """All batches of each case, as this rank sees them."""
    return [
        list(gather_batches(share(rows, rank, world_size, size), rows=rows, batch_size=size))
        for rows, size in GATHERED
    ]


def measured(folder, wrap=lambda model: model):
    """The metrics of both probes, and the features that the last one got."""
    runner = build(folder / "run")
    stub = SimpleNamespace(
        model=wrap(runner.model),
        cfg=runner.cfg,
        iter=1,
        seed=0,
        rank=0,
        hooks=[],
        train_loop=None,
        message_hub=MessageHub.get_instance("probes"),
        visualizer=Mock(),
        logger=Mock(),
        work_dir=str(folder),
    )
    metrics, features = {}, []
    for hook in (KNNHook(k=(1, 3, 20), **IMAGES), LinearProbeHook(**IMAGES)):
        measure = hook.measure
        hook.measure = lambda given, measure=measure: features.append(given) or measure(given)
        hook.before_train(stub)
        hook.after_train(stub)
        metrics |= stub.visualizer.add_scalars.call_args.args[0]
    return metrics, tuple(features[-1])


def found(folder):
    """What this rank gathers and measures."""
    rank = dist.get_rank()
    results = measured(folder / f"run{rank}", torch.nn.parallel.DistributedDataParallel)
    return gathered(rank, dist.get_world_size()), *results
