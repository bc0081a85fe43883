"""Measurements of both probes by one process and by two, and top-k accuracy."""

import functools
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
import torch.distributed as dist
from mmengine.logging import MessageHub

from mmdense.evaluation.features import gather_batches
from mmdense.evaluation.knn import knn_classify
from mmdense.evaluation.linear_probe import fit_linear_probe
from mmdense.evaluation.probe_hooks import KNNHook, LinearProbeHook
from mmdense.evaluation.probes import (
    ProbeFeatures,
    measure_knn,
    measure_linear_probe,
    top_k_accuracy,
)
from tests.mmdense.evaluation.tiny_siamese import Colours, build
from tests.references.knn_loop import top_k_accuracy_loop
from tests.two_processes import in_two_processes

# 31 and 61 images: of two ranks, the second has a batch of the first less.
IMAGES = {
    "train_dataloader": {"dataset": {"type": Colours, "size": 31}, "batch_size": 5},
    "test_dataloader": {"dataset": {"type": Colours, "size": 61, "seed": 1}, "batch_size": 4},
}
# Rows and batch size; of 7 rows in batches of 3, the second of two ranks has one batch only.
GATHERED = [(7, 3), (3, 3), (12, 2), (13, 2), (14, 5), (9, 100)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_accuracy_equals_the_loop(dtype):
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(0, 4, (50, 7), generator=generator).to(dtype)  # many ties
    labels = torch.randint(0, 7, (50,), generator=generator)
    for k in (1, 2, 5, 9):
        expected = top_k_accuracy_loop(scores.tolist(), labels.tolist(), k)
        assert top_k_accuracy(scores, labels, k=k) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        (torch.zeros(0, 3), torch.zeros(0, dtype=torch.long), "needs queries"),
        (torch.zeros(3), torch.zeros(3, dtype=torch.long), r"scores \[R, C\]"),
        (torch.zeros(3, 2), torch.zeros(2, dtype=torch.long), r"\(3, 2\) and \(2,\)"),
        (torch.tensor([[float("nan"), 0.0]]), torch.tensor([0]), "NaN"),
    ],
)
def test_accuracy_of_bad_input(scores, labels, message):
    with pytest.raises(ValueError, match=message):
        top_k_accuracy(scores, labels)


def clusters(classes=7):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(140) % classes
    centres = torch.randn(classes, 6, generator=generator)
    points = centres[labels] + 1.5 * torch.randn(140, 6, generator=generator)
    return ProbeFeatures(points[:90], labels[:90], points[90:], labels[90:], classes)


def test_measurements_are_those_of_the_pure_functions():
    given = clusters()
    bank, labels, queries, true, _ = given
    found = {temperature: measure_knn(given, ks=[1, 40], temperature=temperature)
             for temperature in (0.07, 5.0)}  # fmt: skip
    for temperature, metrics in found.items():
        scores = knn_classify(
            bank, labels, queries, ks=[1, 40], num_classes=7, temperature=temperature
        )
        assert metrics == {f"k{k}_top1": top_k_accuracy(scores[k], true) for k in (1, 40)}
    assert found[0.07] != found[5.0]
    probe = fit_linear_probe(bank, labels, num_classes=7)
    scores = probe.scores(queries)
    metrics = measure_linear_probe(given)
    accuracies = {f"top{k}": top_k_accuracy(scores, true, k=k) for k in (1, 5)}
    assert metrics == {**accuracies, "strength": probe.strength}
    assert 100 / 7 < metrics["top1"] < metrics["top5"] < 100
    with pytest.raises(ValueError, match=r"two classes.*found \[0\]"):
        measure_linear_probe(clusters(classes=1))


def share(rows, rank, world_size, size):
    """Batches of the rows rank, rank + W, ...; row i has the features (i, -i) and the label i."""
    numbers = torch.arange(rows)[rank::world_size]
    for own in numbers.split(size):
        yield torch.stack([own, -own], dim=1).float(), own


def gathered(rank=0, world_size=1):
    """All batches of each case, as this rank gets them."""
    return [
        list(gather_batches(share(rows, rank, world_size, size), rows=rows, batch_size=size))
        for rows, size in GATHERED
    ]


def measured(folder, wrap=lambda model: model):
    """The metrics of both probes on a model of fixed weights, and the features of the last one."""
    runner = build(folder / "run")
    stub = SimpleNamespace(
        model=wrap(runner.model),
        cfg=runner.cfg,
        **{"work_dir": str(folder), "hooks": [], "train_loop": None},
        **{"iter": 1, "seed": 0, "rank": 0, "visualizer": Mock(), "logger": Mock()},
        message_hub=MessageHub("probes"),
    )
    metrics, features = {}, []
    for hook in (KNNHook(k=(1, 3, 20), **IMAGES), LinearProbeHook(**IMAGES)):
        measure = hook.measure
        hook.measure = lambda given, measure=measure: features.append(given) or measure(given)
        hook.before_train(stub)
        hook.after_train(stub)
        metrics |= stub.visualizer.add_scalars.call_args.args[0]
    return metrics, tuple(features[-1])


def found_by_rank(folder):
    rank = dist.get_rank()
    results = measured(folder / f"run{rank}", torch.nn.parallel.DistributedDataParallel)
    return gathered(rank, dist.get_world_size()), *results


def test_two_processes_measure_the_same_as_one(tmp_path):
    expected, (bank, bank_labels, queries, labels, _) = measured(tmp_path)
    assert len(expected) == 6
    assert bank_labels.tolist() == [index % 3 for index in range(31)]
    ranks = in_two_processes(functools.partial(found_by_rank, tmp_path), tmp_path)
    for rank, (batches, metrics, own) in enumerate(ranks):
        assert metrics == expected  # accuracies are bit-identical
        own_bank, own_labels, own_queries, own_true, classes = own
        torch.testing.assert_close(own_bank, bank, rtol=1e-4, atol=1e-6)
        assert torch.equal(own_labels, bank_labels)
        assert len(own_queries) == (31, 30)[rank]
        torch.testing.assert_close(own_queries, queries[rank::2], rtol=1e-4, atol=1e-6)
        assert torch.equal(own_true, labels[rank::2])
        assert classes == 3
        for (rows, size), of_case in zip(GATHERED, batches, strict=True):
            in_order = torch.arange(rows)
            features, numbers = (torch.cat(parts) for parts in zip(*of_case, strict=True))
            assert torch.equal(features, torch.stack([in_order, -in_order], dim=1).float())
            assert torch.equal(numbers, in_order)
            assert all(len(part) <= 2 * size for _, part in of_case)
