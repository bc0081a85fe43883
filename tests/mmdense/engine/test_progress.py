import io
import json
import logging
import re
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from rich.console import Console
from torch.utils.data import Dataset

from mmdense.engine import progress
from mmdense.engine.progress import ProgressHook, Status, read_status

IMAGES, BATCH, EPOCHS = 12, 4, 2
ITERATIONS = IMAGES // BATCH * EPOCHS  # 6


class Numbers(Dataset):
    def __len__(self):
        return IMAGES

    def __getitem__(self, index):
        return {"inputs": torch.full((1,), float(index)), "data_samples": index}


class Toy(BaseModel):
    def __init__(self, fails=False):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.fails = fails

    def forward(self, inputs, data_samples, mode):
        if self.fails:
            raise RuntimeError("the model fails")
        return {"loss": (self.layer(torch.stack(inputs)) / 20).square().mean()}


def build(work_dir, **model):
    loader = {
        "batch_size": BATCH,
        "dataset": Numbers(),
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "collate_fn": {"type": "pseudo_collate"},
    }
    return Runner(
        model=Toy(**model),
        work_dir=str(work_dir),
        train_dataloader=loader,
        train_cfg={"by_epoch": True, "max_epochs": EPOCHS},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.01}},
        default_hooks={"logger": {"type": "LoggerHook", "interval": 1}},
        custom_hooks=[{"type": "mmdense.ProgressHook"}],
        visualizer={"type": "Visualizer", "vis_backends": [{"type": "LocalVisBackend"}]},
        default_scope="mmengine",
        experiment_name=work_dir.name,
    )


def streams(runner):
    return [h.stream for h in runner.logger.handlers if type(h) is logging.StreamHandler]


def console_for(monkeypatch, terminal):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200)
    monkeypatch.setattr(progress, "Console", lambda: console)
    monkeypatch.setattr(progress, "_LINE_S", 0.0)
    monkeypatch.setattr(progress, "_FILE_S", 0.0)
    return console


def test_on_a_terminal_the_line_has_the_numbers_and_the_log_stays_whole(tmp_path, monkeypatch):
    console = console_for(monkeypatch, terminal=True)
    runner = build(tmp_path / "terminal")
    before = streams(runner)
    runner.train()
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", console.file.getvalue())
    line = re.search(
        r"train .*?(\d+)/6 ([\d.]+) images/s loss [\d.e-]+ lr 0\.01 0:00:00 left "
        r"[\d.]+ GiB",
        plain,
    )
    assert line is not None
    assert f"{ITERATIONS}/{ITERATIONS}" in plain
    log = re.findall(r"Epoch\(train\) +\[(\d)\]\[(\d)/3\] .*loss: [\d.]+ *$", plain, re.MULTILINE)
    assert log == [(str(epoch), str(step)) for epoch in (1, 2) for step in (1, 2, 3)]
    assert streams(runner) == before
    (file,) = (tmp_path / "terminal").glob("*/vis_data/scalars.json")
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    assert [entry["step"] for entry in entries] == list(range(1, ITERATIONS + 1))
    assert all({"lr", "loss", "time", "data_time"} <= set(entry) for entry in entries)


def test_elsewhere_it_writes_a_status_file_if_asked(tmp_path, monkeypatch):
    console = console_for(monkeypatch, terminal=False)
    file = tmp_path / "status.json"
    assert read_status(file) is None
    runner = build(tmp_path / "silent")
    before = streams(runner)
    runner.train()
    assert not file.exists()
    monkeypatch.setenv(progress.STATUS_FILE, str(file))
    build(tmp_path / "asked").train()
    status = read_status(file)
    assert status[:3] == ("train", ITERATIONS, ITERATIONS)
    assert 0 < status.loss < 100 and status.seconds_left == 0
    assert console.file.getvalue() == "" and streams(runner) == before
    monkeypatch.setenv(progress.STATUS_FILE, str(tmp_path))  # a folder cannot be written
    runner = build(tmp_path / "full")
    runner.train()
    assert runner.iter == ITERATIONS


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_no_number_in_the_file(tmp_path, monkeypatch, loss):
    scalars = {"train/loss": SimpleNamespace(mean=lambda _: loss)}
    hub = SimpleNamespace(log_scalars=scalars)
    runner = SimpleNamespace(max_iters=10, iter=4, message_hub=hub, val_dataloader=range(7))
    hook = ProgressHook()
    hook._file, hook._steps = str(tmp_path / "status.json"), [(2.0, 4), (4.0, 4)]
    hook._show(runner)
    assert read_status(tmp_path / "status.json") == Status("train", 5, 10, None, 15.0)  # 5 * 3 s
    hook._written = 0.0
    hook.after_val_iter(runner, 2)
    assert str(read_status(tmp_path / "status.json")) == "validate 3/7"


def test_a_run_that_raises_leaves_a_terminal_that_can_be_restored(tmp_path, monkeypatch):
    console_for(monkeypatch, terminal=True)
    at_exit = []
    monkeypatch.setattr(progress.atexit, "register", at_exit.append)
    runner = build(tmp_path / "raises", fails=True)
    before = streams(runner)
    with pytest.raises(RuntimeError, match="the model fails"):
        runner.train()
    hook = next(hook for hook in runner.hooks if isinstance(hook, ProgressHook))
    assert hook._progress is not None
    for close in at_exit:
        close()
    assert hook._progress is None
    assert streams(runner) == before


def test_validation_is_named_and_does_not_count_as_training(monkeypatch):
    console_for(monkeypatch, terminal=True)
    logger = SimpleNamespace(handlers=[])
    runner = SimpleNamespace(max_iters=10, iter=0, logger=logger)
    clock = iter([0.0, 100.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    hook = ProgressHook()
    hook.before_train(runner)
    hook.before_val(runner)
    assert hook._progress.tasks[0].description == "validate"
    hook.after_val(runner)
    assert hook._progress.tasks[0].description == "train"
    assert hook._mark == 100.0
    hook.after_train(runner)
