"""Rows dealt out to processes come back in order on each; what two measure is what one does."""

import functools

import pytest
import torch

from tests.mmdense.evaluation import two_ranks
from tests.two_processes import in_two_processes


def rows_of(batches):
    return [torch.cat(parts) for parts in zip(*batches, strict=True)]


def in_order(rows):
    numbers = torch.arange(rows)
    return [torch.stack([numbers, -numbers], dim=1).float(), numbers]


def test_one_process_has_all_rows_already():
    for (rows, _), batches in zip(two_ranks.GATHERED, two_ranks.gathered()):
        assert all(map(torch.equal, rows_of(batches), in_order(rows)))


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What each of two ranks found."""
    folder = tmp_path_factory.mktemp("ranks")
    return in_two_processes(functools.partial(two_ranks.found, folder), folder)


def test_every_rank_has_all_rows_in_order_a_few_at_a_time(ranks):
    for gathered, *_ in ranks:
        for (rows, size), batches in zip(two_ranks.GATHERED, gathered, strict=True):
            assert all(map(torch.equal, rows_of(batches), in_order(rows)))
            assert all(len(labels) <= 2 * size for _, labels in batches)


def test_two_processes_measure_what_one_does(ranks, tmp_path):
    expected, (bank, bank_labels, queries, labels, _) = two_ranks.measured(tmp_path)
    assert len(expected) == 6
    assert bank_labels.tolist() == [index % 3 for index in range(31)]
    for rank, (_, metrics, (own_bank, own_labels, own_queries, own_true, classes)) in enumerate(
        ranks
    ):
        assert metrics == expected  # accuracies are equal to the last bit
        torch.testing.assert_close(own_bank, bank, rtol=1e-4, atol=1e-6)
        assert torch.equal(own_labels, bank_labels)
        assert len(own_queries) == (31, 30)[rank]
        torch.testing.assert_close(own_queries, queries[rank::2], rtol=1e-4, atol=1e-6)
        assert torch.equal(own_true, labels[rank::2])
        assert classes == 3
