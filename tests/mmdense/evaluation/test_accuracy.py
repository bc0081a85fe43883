"""Top-k accuracy against its loop, with ties."""

import pytest
import torch

from mmdense.evaluation.accuracy import top_k_accuracy, top_k_hits
from tests.references.knn_loop import top_k_accuracy_loop


@pytest.mark.parametrize("k", [1, 2, 5, 9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_equals_the_loop(k, dtype):
    generator = torch.Generator().manual_seed(k)
    scores = torch.randint(0, 4, (50, 7), generator=generator).to(dtype)  # many ties
    labels = torch.randint(0, 7, (50,), generator=generator)
    expected = top_k_accuracy_loop(scores.tolist(), labels.tolist(), k)
    assert top_k_accuracy(scores, labels, k=k) == pytest.approx(expected)


def test_hand_case():
    scores = torch.tensor([[0.1, 0.9, 0.0], [0.5, 0.5, 0.2], [0.5, 0.5, 0.2]])
    # best classes: 1; 0 (before 1, which is equal); 0. The labels 1, 0, 1 are hit, hit, missed.
    labels = torch.tensor([1, 0, 1])
    assert top_k_accuracy(scores, labels) == pytest.approx(200 / 3)
    assert top_k_accuracy(scores, labels, k=2) == 100.0


def test_hits_of_shares_add_up():
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(50, 7, generator=generator)
    labels = torch.randint(0, 7, (50,), generator=generator)
    for k in (1, 3):
        hits = [top_k_hits(scores[a:b], labels[a:b], k=k) for a, b in ((0, 13), (13, 13), (13, 50))]
        assert hits[1] == 0  # a share may be empty
        assert 100 * sum(hits) / 50 == top_k_accuracy(scores, labels, k=k)


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        (torch.zeros(0, 3), torch.zeros(0, dtype=torch.long), "Q > 0"),
        (torch.zeros(3), torch.zeros(3, dtype=torch.long), r"scores \[Q, C\]"),
        (torch.zeros(3, 2), torch.zeros(2, dtype=torch.long), r"\(3, 2\) and \(2,\)"),
        (torch.tensor([[float("nan"), 0.0]]), torch.tensor([0]), "NaN"),
    ],
)
def test_bad_input(scores, labels, message):
    with pytest.raises(ValueError, match=message):
        top_k_accuracy(scores, labels)
