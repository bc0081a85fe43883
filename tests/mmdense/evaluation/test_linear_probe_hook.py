"""What the linear probe measures during training; when: test_probe_during_training.py."""

import pytest
import torch

from mmdense.evaluation.accuracy import top_k_accuracy
from mmdense.evaluation.linear_probe import fit_linear_probe
from mmdense.evaluation.linear_probe_hook import LinearProbeHook
from mmdense.evaluation.probe_during_training import ProbeFeatures


def features(classes=7):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(140) % classes
    centres = torch.randn(classes, 6, generator=generator)
    points = centres[labels] + 1.5 * torch.randn(140, 6, generator=generator)
    return ProbeFeatures(points[:90], labels[:90], points[90:], labels[90:], classes)


def test_it_is_the_probe_of_the_tool():
    hook, given = LinearProbeHook(), features()
    found = hook.measure(given)
    probe = fit_linear_probe(given.bank, given.bank_labels, num_classes=7)
    scores = probe.scores(given.queries)
    assert list(found) == hook.metric_names() == ["top1", "top5", "strength"]
    assert found["top1"] == top_k_accuracy(scores, given.query_labels)
    assert found["top5"] == top_k_accuracy(scores, given.query_labels, k=5)
    assert found["strength"] == probe.strength
    assert 100 / 7 < found["top1"] < found["top5"] < 100


def test_one_class_alone_is_refused_by_the_name_of_the_hook():
    with pytest.raises(ValueError, match=r"LinearProbeHook: .*two classes.*found \[0\]"):
        LinearProbeHook().measure(features(classes=1))
