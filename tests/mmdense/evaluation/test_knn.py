"""k-NN classification: the loop, a hand case, ties, chunks, limits, and bad input."""

import math

import pytest
import torch

from mmdense.evaluation import knn
from mmdense.evaluation.knn import nearest_neighbours, non_finite_rows
from mmdense.evaluation.probes import top_k_accuracy
from tests.references.knn_loop import knn_classify_loop


def random_case(n, q, d, classes, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    bank = torch.randn(n, d, generator=generator, dtype=dtype)
    queries = torch.randn(q, d, generator=generator, dtype=dtype)
    return bank, torch.randint(classes, (n,), generator=generator), queries


def knn_classify(*arguments, k, **options):
    return knn.knn_classify(*arguments, ks=[k], **options)[k]


@pytest.mark.parametrize(("n", "q", "d"), [(1, 1, 1), (7, 3, 2), (40, 11, 5)])
@pytest.mark.parametrize("k", [1, 3, 20])
@pytest.mark.parametrize("temperature", [0.07, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_the_loop(n, q, d, k, temperature, dtype):
    bank, labels, queries = random_case(n, q, d, classes=4, dtype=dtype)
    k = min(k, n)
    scores = knn_classify(bank, labels, queries, k=k, num_classes=4, temperature=temperature)
    expected = knn_classify_loop(
        bank.tolist(), labels.tolist(), queries.tolist(), k, 4, temperature
    )
    tolerance = 1e-9 if dtype == torch.float64 else 1e-4
    torch.testing.assert_close(
        scores, torch.tensor(expected, dtype=dtype), rtol=tolerance, atol=tolerance
    )


def test_hand_case():
    # Bank at 0, 60 and 90 degrees, of classes 0, 1, 1; the query at 0 degrees, k = 3, T = 0.5.
    # Cosines are 1, 1/2, 0, so the weights are e^2, e^1, e^0:
    #   class 0: e^2 / (e^2 + e + 1) = 7.389 / 11.107 = 0.6652;  class 1: 0.3348.
    half = math.sqrt(3) / 2
    bank = torch.tensor([[2.0, 0.0], [0.5, half], [0.0, 3.0]])  # lengths do not matter
    labels = torch.tensor([0, 1, 1])
    scores = knn_classify(
        bank, labels, torch.tensor([[5.0, 0.0]]), k=3, num_classes=2, temperature=0.5
    )
    torch.testing.assert_close(scores, torch.tensor([[0.66524, 0.33476]]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("k", "chunk"), [(1, 7), (5, 1), (5, 16), (16, 7), (16, 16), (37, 64)])
def test_ties_go_to_the_lower_index_in_any_chunking(k, chunk, monkeypatch):
    # One-hot features: every cosine is exactly 0 or 1, so nearly everything is a tie.
    monkeypatch.setattr(knn, "_BANK_CHUNK", chunk)
    monkeypatch.setattr(knn, "_QUERY_CHUNK", 3)
    generator = torch.Generator().manual_seed(k)
    bank = torch.eye(3)[torch.randint(3, (37,), generator=generator)]
    queries = torch.eye(3)[torch.randint(3, (10,), generator=generator)]
    similarities, index = nearest_neighbours(bank, queries, k=k)
    for row in range(10):
        cosines = (bank @ queries[row]).tolist()
        expected = sorted(range(37), key=lambda i: (-cosines[i], i))[:k]
        assert index[row].tolist() == expected
        assert similarities[row].tolist() == [cosines[i] for i in expected]


@pytest.mark.parametrize("width", [64, 101, 333])
@pytest.mark.parametrize("values", [2, 40, 10**9])  # number of values: all tie, some, none
@pytest.mark.parametrize("k", [1, 4, 30])
def test_the_search_in_stripes_is_a_search_in_all(width, values, k, monkeypatch):
    monkeypatch.setattr(knn, "_STRIPES", 3)
    generator = torch.Generator().manual_seed(width + k)
    matrix = torch.randint(values, (20, width), generator=generator).float()
    found = knn._first_largest(matrix, k)
    for row, positions in zip(matrix.tolist(), found.tolist(), strict=True):
        expected = sorted(range(width), key=lambda i: (-row[i], i))[:k]
        assert positions == sorted(expected)


def test_several_k_from_one_search():
    bank, labels, queries = random_case(60, 33, 8, classes=5)
    scores = knn.knn_classify(bank, labels, queries, ks=[7, 1, 60], num_classes=5)
    assert list(scores) == [7, 1, 60]
    for k, of_k in scores.items():
        alone = knn_classify(bank, labels, queries, k=k, num_classes=5)
        torch.testing.assert_close(of_k, alone)


class Slices:
    """A bank that is read in slices only, and notes their numbers of rows."""

    def __init__(self, rows):
        self.rows, self.read = rows, []
        self.ndim, self.shape = rows.ndim, rows.shape

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, places):
        part = self.rows[places]
        self.read.append(len(part))
        return part


def test_the_bank_is_read_in_chunks(monkeypatch):
    monkeypatch.setattr(knn, "_BANK_CHUNK", 16)
    bank, _, queries = random_case(100, 33, 8, classes=5)
    slices = Slices(bank)
    found = nearest_neighbours(slices, queries, k=20)
    assert all(map(torch.equal, found, nearest_neighbours(bank, queries, k=20)))
    assert max(slices.read) == 16
    assert sum(slices.read) == 200  # once for the check, once for the search


def test_rows_that_are_not_finite(monkeypatch):
    monkeypatch.setattr(knn, "_BANK_CHUNK", 4)
    features = torch.zeros(11, 3)
    features[3, 0], features[9, 2], features[9, 1] = math.nan, math.inf, -math.inf
    assert non_finite_rows(features).tolist() == [3, 9]
    assert non_finite_rows(features[:0]).tolist() == []


def test_limits_of_temperature():
    bank, labels, queries = random_case(30, 9, 4, classes=3)
    hot = knn_classify(bank, labels, queries, k=30, num_classes=3, temperature=1e9)
    shares = torch.bincount(labels, minlength=3).double() / 30  # every neighbour counts the same
    torch.testing.assert_close(hot, shares.expand(9, 3), rtol=1e-6, atol=1e-6)
    cold = knn_classify(bank, labels, queries, k=30, num_classes=3, temperature=1e-6)
    nearest = knn_classify(bank, labels, queries, k=1, num_classes=3)
    torch.testing.assert_close(cold, nearest)  # and nothing overflows


def test_rows_sum_to_one_and_no_query_gives_no_row():
    bank, labels, queries = random_case(30, 9, 4, classes=3)
    scores = knn_classify(bank, labels, queries, k=5, num_classes=6)
    torch.testing.assert_close(scores.sum(dim=1), torch.ones(9, dtype=torch.float64))
    assert (scores[:, 3:] == 0).all()
    assert knn_classify(bank, labels, queries[:0], k=5, num_classes=6).shape == (0, 6)


def test_separable_features_reach_100_and_noise_stays_near_chance():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(5, (1000,), generator=generator)
    noise = torch.randn(1000, 16, generator=generator)
    clusters = torch.eye(16)[labels] * 20 + noise
    for features, low, high in ((clusters, 100, 100), (noise, 10, 30)):
        scores = knn_classify(features[:800], labels[:800], features[800:], k=20, num_classes=5)
        assert low <= top_k_accuracy(scores, labels[800:]) <= high  # chance: 20 +- 2.8 for 200


def bad(**changes):
    bank, labels, queries = random_case(10, 4, 3, classes=2)
    arguments = {"bank": bank, "bank_labels": labels, "queries": queries, "k": 3, "num_classes": 2}
    return {**arguments, **changes}


def with_nan(shape):
    features = torch.zeros(shape, dtype=torch.float64)
    features[2, 1] = math.nan
    return features


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 11}, "k must be from 1 to 10, .* found 11"),
        ({"k": 0}, "found 0"),
        ({"bank": with_nan((10, 3))}, "1 rows of bank .*row 2"),
        ({"queries": with_nan((4, 3))}, "1 rows of queries"),
        ({"queries": torch.zeros(4, 2)}, "of one D"),
        ({"bank_labels": torch.full((10,), -1)}, "found -1 to -1"),
        ({"num_classes": 1}, "labels must be from 0 to 0"),
        ({"bank_labels": torch.zeros(9, dtype=torch.long)}, r"\(10, 3\) and \(9,\)"),
        ({"temperature": 0.0}, "temperature must be positive"),
    ],
)
def test_bad_input(changes, message):
    with pytest.raises(ValueError, match=message):
        knn_classify(**bad(**changes))
