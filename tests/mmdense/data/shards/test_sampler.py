import io
import tarfile

import pytest
import torch
from mmengine.runner import Runner

from mmdense.data.shards import sampler as shard_sampler
from mmdense.data.shards.dataset import ShardDataset
from mmdense.data.shards.index import index_shards
from mmdense.data.shards.sampler import ShardSampler

SIZES = (5, 7, 4, 6, 5, 3, 7, 4)  # 41 samples


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    for number, size in enumerate(SIZES):
        with tarfile.open(folder / f"{number}.tar", "w") as tar:
            for index in range(size):
                info = tarfile.TarInfo(f"{number}-{index}.jpg")
                info.size = 1
                tar.addfile(info, io.BytesIO(b"x"))
    return ShardDataset(shards=str(index_shards(folder)))


@pytest.fixture
def sampler_of(dataset, monkeypatch):
    def make(rank=0, ranks=1, **arguments):
        monkeypatch.setattr(shard_sampler, "get_dist_info", lambda: (rank, ranks))
        return ShardSampler(dataset, **{"seed": 3, "window": 3, **arguments})

    return make


def shard_of(index):
    return [n for n, size in enumerate(SIZES) for _ in range(size)][index]


@pytest.mark.parametrize("ranks", [1, 2, 3, 8, 41, 50])
@pytest.mark.parametrize("epoch", [0, 1])
def test_all_ranks_together_follow_one_order(sampler_of, ranks, epoch):
    whole = sampler_of()
    whole.set_epoch(epoch)
    order = list(whole)
    assert sorted(order) == list(range(41))  # each exactly once
    given = []
    for rank in range(ranks):
        sampler = sampler_of(rank, ranks)
        sampler.set_epoch(epoch)
        part = list(sampler)
        assert len(part) == len(sampler) == -(-41 // ranks)
        given += part
    # 41 = 2 * 21 - 1 = 3 * 14 - 1 = 8 * 6 - 7: the order is padded with its first samples.
    assert given == order + order[: {1: 0, 2: 1, 3: 1, 8: 7, 41: 0, 50: 9}[ranks]]


def test_the_order_depends_on_the_seed_and_the_epoch(sampler_of):
    def order(seed, epoch):
        sampler = sampler_of(seed=seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(3, 1) == order(3, 1)
    assert len({tuple(order(seed, epoch)) for seed in (3, 4) for epoch in (0, 1)}) == 4


def test_reads_stay_within_a_window_of_shards(sampler_of):
    # 8 shards in windows of at most 3 are windows of 3, 3 and 2.
    shards = [shard_of(index) for index in sampler_of()]
    seen, groups = [], []
    for size in (3, 3, 2):
        group = list(dict.fromkeys(shards[len(seen) :]))[:size]
        length = sum(SIZES[n] for n in group)
        assert sorted(shards[len(seen) : len(seen) + length]) == sorted(
            n for n in group for _ in range(SIZES[n])
        )
        seen += shards[len(seen) : len(seen) + length]
        groups.append(group)
    assert sorted(n for group in groups for n in group) == list(range(8))
    # The samples of the shards in the first window are mixed.
    first = shards[: sum(SIZES[n] for n in groups[0])]
    assert first != sorted(first, key=first.index)


@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("position", [0, 5, 14])
def test_an_epoch_starts_at_any_position(sampler_of, rank, position):
    whole = sampler_of(rank, 3)
    whole.set_epoch(2)
    order = list(whole)
    resumed = sampler_of(rank, 3)
    resumed.load_state_dict({"epoch": 2, "position": position})
    resumed.set_epoch(2)  # as MMEngine does before an epoch
    assert len(resumed) == 14  # the length of a whole epoch
    assert list(resumed) == order[position:]
    assert list(resumed) == order
    resumed.load_state_dict({"epoch": 2, "position": position})
    resumed.set_epoch(3)
    whole.set_epoch(3)
    assert list(resumed) == list(whole)


def test_the_state_counts_the_yielded_samples(sampler_of):
    sampler = sampler_of()
    samples = iter(sampler)
    begun = [next(samples) for _ in range(7)]
    state = sampler.state_dict()
    assert state == {"epoch": 0, "position": 7}
    other = sampler_of()
    other.load_state_dict(state)
    assert other.state_dict() == state
    assert begun + list(other) == list(sampler_of())
    assert other.state_dict()["position"] == 41
    other.set_epoch(1)
    assert other.state_dict() == {"epoch": 1, "position": 0}


def test_invalid_arguments_are_errors(dataset, sampler_of):
    with pytest.raises(ValueError, match="position 22 of epoch 0: .* 21 samples"):
        sampler_of(0, 2).load_state_dict({"epoch": 0, "position": 22})
    with pytest.raises(TypeError, match="TensorDataset"):
        ShardSampler(torch.utils.data.TensorDataset(torch.zeros(3)))
    with pytest.raises(ValueError, match="window"):
        ShardSampler(dataset, window=0)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_data_loader_keeps_the_order_with_any_number_of_workers(dataset, sampler_of, workers):
    folder = dataset[0]["img_path"].rpartition(".tar/")[0].rpartition("/")[0]
    loader = Runner.build_dataloader(
        dict(
            batch_size=4,
            num_workers=workers,
            persistent_workers=workers > 0,
            sampler=dict(type="mmdense.ShardSampler", window=3),
            dataset=dict(type="mmdense.ShardDataset", shards=folder),
        ),
        seed=3,
    )
    assert len(loader) == 11
    expected = sampler_of()
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)
        expected.set_epoch(epoch)
        assert [index for batch in loader for index in batch["sample_idx"]] == list(expected)
    loader.sampler.load_state_dict({"epoch": 1, "position": 20})
    assert [i for batch in loader for i in batch["sample_idx"]] == list(expected)[20:]
