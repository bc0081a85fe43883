"""A run that is stopped and resumed is bit-identical to one that is not."""

import random

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from torch.utils.data import BatchSampler, DataLoader

from mmdense.engine.exact_loader import exact_loader, kept_random_state, seed_step
from mmdense.engine.loops import EndlessIterator
from tests.mmdense.engine.tiny_task import NoisySet, build, lines


@pytest.fixture
def uninterrupted(tmp_path, request):
    by_epoch, sampler = request.param
    build(
        tmp_path / "whole", journal=tmp_path / "whole.txt", by_epoch=by_epoch, sampler=sampler
    ).train()
    return by_epoch, sampler, lines(tmp_path / "whole.txt")


@pytest.mark.parametrize(
    "uninterrupted",
    [(True, "DefaultSampler"), (False, "DefaultSampler"), (False, "InfiniteSampler")],
    indirect=True,
    ids=["epochs", "iterations", "iterations of an endless sampler"],
)
@pytest.mark.parametrize("workers", [0, 2])
def test_every_checkpoint_continues_with_the_same_curve_and_samples(
    tmp_path, uninterrupted, workers
):
    by_epoch, sampler, expected = uninterrupted
    assert sorted(expected) == list(range(12))
    for saved in (4, 8):  # in the middle of the second and of the third epoch
        name = f"from_{saved}"
        build(
            tmp_path / name,
            journal=tmp_path / f"{name}.txt",
            by_epoch=by_epoch,
            sampler=sampler,
            workers=workers,
            load_from=str(tmp_path / "whole" / f"iter_{saved}.pth"),
            resume=True,
        ).train()
        assert lines(tmp_path / f"{name}.txt") == {i: expected[i] for i in range(saved, 12)}


def test_each_epoch_draws_anew_with_any_number_of_workers(tmp_path):
    build(tmp_path / "a", journal=tmp_path / "a.txt", workers=0).train()
    build(tmp_path / "b", journal=tmp_path / "b.txt", workers=2).train()
    assert lines(tmp_path / "a.txt") == lines(tmp_path / "b.txt")
    samples = [line.split(" ")[1] for (line,) in lines(tmp_path / "a.txt").values()]
    numbers = ",".join(samples).split(",")
    assert len(numbers) == 32 == len(set(numbers))  # 4 epochs of 8 samples


def test_fewer_images_than_a_batch_are_an_error(tmp_path):
    runner = build(tmp_path, journal=tmp_path / "a.txt")
    runner._train_dataloader |= dict(batch_size=9, drop_last=True)
    with pytest.raises(ValueError, match=r"has 8 images.* batch of 9.* to 8 or less"):
        runner.train()


def endless(size, batch_size, skip, drop_last=False):
    data = NoisySet(size)
    sampler = BatchSampler(DefaultSampler(data, shuffle=True, seed=0), batch_size, drop_last)
    return EndlessIterator(exact_loader(DataLoader(data, batch_sampler=sampler), seed=5), skip=skip)


def test_an_endless_iterator_skips_whole_epochs():
    whole = endless(5, 2, skip=0)  # 3 batches a pass
    batches = [next(whole)["x"].tolist() for _ in range(11)]
    for skip in range(11):
        assert next(endless(5, 2, skip=skip))["x"].tolist() == batches[skip]


def test_a_set_smaller_than_its_batch_is_refused():
    with pytest.raises(ValueError, match="gives no batch from 3 samples"):
        endless(3, 4, skip=0, drop_last=True)


@pytest.mark.parametrize("fails", [False, True])
def test_draws_inside_do_not_change_the_generators_outside(fails):
    def draws():
        return random.random(), np.random.rand(), float(torch.rand(()))

    seed_step(1, 0, 0)
    expected = draws()
    seed_step(1, 0, 0)
    try:
        with kept_random_state():
            inside = draws()
            list(DataLoader([1, 2]))  # starting it draws
            torch.manual_seed(99)
            if fails:
                raise KeyError("an error")
    except KeyError:
        assert fails
    assert inside == expected  # the state inside is that of outside
    assert draws() == expected
