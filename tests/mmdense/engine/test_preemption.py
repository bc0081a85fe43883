"""Runs that are killed or get a signal, in separate processes."""

import multiprocessing
import os
import random
import signal
import sys
import time

import pytest
from mmengine.evaluator import BaseMetric

from mmdense.checkpoints.last_good import last_good_checkpoint
from mmdense.engine import preemption
from mmdense.engine.preemption import EXIT_CODE, FILE_NAME, PreemptionHook
from tests.mmdense.engine.tiny_task import NoisySet, build, lines

FORK = multiprocessing.get_context("fork")


class SlowMetric(BaseMetric):
    """Notes in files that a validation has begun, and that it ended."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def process(self, data_batch, data_samples):
        (self.folder / "validating").touch()
        self.results.append(1)
        time.sleep(0.2)

    def compute_metrics(self, results):
        with (self.folder / "validated").open("a") as file:
            file.write(f"{len(results)}\n")
        return {"count": len(results)}


def validation(folder):
    """Of 8 samples one by one, after each epoch."""
    return {
        "val_dataloader": {
            "batch_size": 1,
            "dataset": {"type": NoisySet},
            "sampler": {"type": "DefaultSampler", "shuffle": False},
            "collate_fn": {"type": "default_collate"},
        },
        "val_cfg": {},
        "val_evaluator": {"type": SlowMetric, "folder": folder},
    }


def train(folder, steps, workers, pause, every, validate=False, hooks=()):
    """What a process does: go on from the last good checkpoint, or begin."""
    checkpoint = last_good_checkpoint(folder / "run")
    build(
        folder / "run",
        journal=folder / "journal.txt",
        steps=steps,
        workers=workers,
        pause=pause,
        hooks=[PreemptionHook(), *hooks],
        saving={"interval": every, "max_keep_ckpts": 2},
        load_from=str(checkpoint) if checkpoint else None,
        resume=checkpoint is not None,
        **(validation(folder) if validate else {}),
    ).train()


def start(folder, *, steps=12, workers=0, pause=0.0, every=4, validate=False, hooks=()):
    arguments = (folder, steps, workers, pause, every, validate, hooks)
    process = FORK.Process(target=train, args=arguments)
    process.start()
    return process


def wait_for_line(folder, iteration, seconds=600):
    """Until the journal has that iteration."""
    until = time.monotonic() + seconds
    journal = folder / "journal.txt"
    while not journal.exists() or max(lines(journal), default=-1) < iteration:
        assert time.monotonic() < until, "the run does not get on"
        time.sleep(0.002)


@pytest.mark.parametrize(
    ("number", "workers"), [(signal.SIGINT, 0), (signal.SIGTERM, 1), (signal.SIGUSR1, 1)]
)
def test_a_signal_saves_and_the_run_resumes_exactly(tmp_path, number, workers, monkeypatch):
    monkeypatch.setattr(preemption, "_ECHO_SECONDS", 300.0)  # on the busiest of machines
    build(tmp_path / "whole", journal=tmp_path / "whole.txt").train()
    process = start(tmp_path, workers=workers, pause=0.02, every=100)
    wait_for_line(tmp_path, 4)  # the second step of the second epoch
    os.kill(process.pid, number)
    time.sleep(0.005)
    os.kill(process.pid, number)  # an echo does not interrupt the saving
    process.join(600)
    assert process.exitcode == EXIT_CODE == 75
    assert (tmp_path / "run" / FILE_NAME).is_file()
    done = max(lines(tmp_path / "journal.txt"))
    assert 4 <= done < 11
    again = start(tmp_path, workers=workers)
    again.join(600)
    assert again.exitcode == 0
    assert lines(tmp_path / "journal.txt") == lines(tmp_path / "whole.txt")
    text = (tmp_path / "journal.txt").read_text()
    assert len(text.splitlines()) == 12  # no step was done twice


@pytest.mark.parametrize("hooks", [(), ({"type": "EMAHook", "momentum": 0.5},)])
def test_a_signal_during_validation_saves_and_the_validation_is_repeated(tmp_path, hooks):
    # With the EMA hook the model holds mean weights while it is validated.
    build(tmp_path / "whole", journal=tmp_path / "whole.txt", hooks=hooks).train()
    process = start(tmp_path, every=100, validate=True, hooks=hooks)
    while not (tmp_path / "validating").exists():
        assert process.is_alive()
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGTERM)
    process.join(600)
    assert process.exitcode == EXIT_CODE
    assert not (tmp_path / "validated").exists()
    again = start(tmp_path, every=100, validate=True, hooks=hooks)
    again.join(600)
    assert again.exitcode == 0
    assert (tmp_path / "validated").read_text() == "8\n" * 4  # after each of the epochs
    assert lines(tmp_path / "journal.txt") == lines(tmp_path / "whole.txt")
    assert len((tmp_path / "journal.txt").read_text().splitlines()) == 12


def test_a_later_second_signal_ends_the_run_at_once(tmp_path):
    process = start(tmp_path, pause=12.0, every=100)  # a step of twelve seconds
    wait_for_line(tmp_path, 0)
    os.kill(process.pid, signal.SIGTERM)
    time.sleep(4)
    os.kill(process.pid, signal.SIGTERM)
    process.join(600)
    assert process.exitcode == -signal.SIGTERM
    assert not (tmp_path / "run" / FILE_NAME).exists()


def test_kills_at_random_moments_do_not_change_the_curve(tmp_path):
    steps = 60
    build(tmp_path / "whole", journal=tmp_path / "whole.txt", steps=steps).train()
    draw = random.Random(0)
    kills = 0
    while kills < 8:
        before = len((tmp_path / "journal.txt").read_text()) if kills else 0
        process = start(tmp_path, steps=steps, pause=0.002, every=2)
        until = time.monotonic() + 60
        journal = tmp_path / "journal.txt"
        while not journal.exists() or journal.stat().st_size == before:
            assert time.monotonic() < until
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.04))
        assert process.is_alive(), "the run ended before it was killed often enough"
        os.kill(process.pid, signal.SIGKILL)
        process.join(600)
        kills += 1
    process = start(tmp_path, steps=steps, every=2)
    process.join(600)
    assert process.exitcode == 0
    assert lines(tmp_path / "journal.txt") == lines(tmp_path / "whole.txt")
    assert sorted(lines(tmp_path / "journal.txt")) == list(range(steps))


class PoolMetric(SlowMetric):
    """Computes in pools, as MMDetection's for Pascal VOC does."""

    def process(self, data_batch, data_samples):
        self.results.append(1)

    def compute_metrics(self, results):
        for _ in range(50):
            with FORK.Pool(2) as pool:  # leaving it stops the workers by SIGTERM
                pool.map(abs, results)
        return super().compute_metrics(results)


def test_the_pool_of_a_metric_can_be_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "SlowMetric", PoolMetric)
    process = start(tmp_path, steps=3, validate=True)
    process.join(60)
    if process.exitcode is None:
        os.kill(process.pid, signal.SIGKILL)
    assert process.exitcode == 0
    assert (tmp_path / "validated").read_text() == "8\n"
