"""What the k-NN hook measures, and what it refuses; when it does: test_probe_during_training.py."""

import pytest
import torch
from mmengine.config import Config

from mmdense.config.component_types import check_types
from mmdense.evaluation.accuracy import top_k_accuracy
from mmdense.evaluation.knn import knn_classify
from mmdense.evaluation.knn_hook import KNNHook
from mmdense.evaluation.probe_during_training import ProbeFeatures
from tests.mmdense.evaluation.tiny_siamese import Colours, build


def test_the_values_of_k_come_from_one_search_and_the_temperature_counts():
    generator = torch.Generator().manual_seed(0)
    bank, queries = torch.randn(80, 4, generator=generator), torch.randn(50, 4, generator=generator)
    labels = torch.randint(3, (80,), generator=generator)
    true = torch.randint(3, (50,), generator=generator)
    features = ProbeFeatures(bank, labels, queries, true, 3)
    found = {}
    for temperature in (0.07, 5.0):
        hook = KNNHook(k=(1, 9, 40), temperature=temperature)
        found[temperature] = hook.measure(features)
        assert list(found[temperature]) == hook.metric_names() == ["k1_top1", "k9_top1", "k40_top1"]
        for k in (1, 9, 40):
            scores = knn_classify(
                bank, labels, queries, k=k, num_classes=3, temperature=temperature
            )
            assert found[temperature][f"k{k}_top1"] == top_k_accuracy(scores, true)
    assert found[0.07] != found[5.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": ()}, "KNNHook.k must be"),
        ({"k": (20, 0)}, "KNNHook.k must be"),
        ({"temperature": 0}, "KNNHook.temperature must be positive, found 0"),
        ({"temperature": -0.07}, "KNNHook.temperature must be positive"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        KNNHook(**options)


def test_more_neighbours_than_images_are_refused_before_training(tmp_path):
    images = {"dataset": {"type": Colours, "size": 19}}
    runner = build(tmp_path, {"type": "mmdense.KNNHook", "train_dataloader": images, "k": [5, 20]})
    with pytest.raises(ValueError, match="KNNHook.k=20 .*19 images"):
        runner.train()
    assert runner.iter == 0


def test_a_mistyped_key_is_found_before_the_run():
    hook = {"type": "mmdense.KNNHook", "interval": 2, "by_epok": False}
    problems = list(check_types(Config({"custom_hooks": [hook]})))
    assert [problem.nearest for problem in problems] == ["by_epoch"]
