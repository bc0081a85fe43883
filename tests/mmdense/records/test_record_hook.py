"""RecordHook in runs of a toy model: record, test, resume, several processes."""

import json
import shutil

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmdense.records import record_hook as module
from mmdense.records.checks import Check, Outcome
from mmdense.records.data_checksum import data_checksum
from mmdense.records.record import load
from mmdense.records.record_hook import RecordHook

IMAGES, BATCH, EPOCHS = 20, 2, 3
ITERATIONS = IMAGES // BATCH * EPOCHS  # 30


class Numbers(Dataset):
    def __len__(self):
        return IMAGES

    def __getitem__(self, index):
        return {"inputs": torch.full((1,), float(index)), "data_samples": index}


class Named(Numbers):
    """Lists its images, like the data sets of OpenMMLab."""

    def get_data_info(self, index):
        return {"img_path": f"/data/{index}.jpg"}


class Toy(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, inputs, data_samples, mode):
        if mode == "loss":
            return {"loss": (self.layer(torch.stack(inputs)) / 20).square().mean()}
        return [{"index": index} for index in data_samples]


class Count(BaseMetric):
    default_prefix = "toy"

    def process(self, data_batch, data_samples):
        self.results.extend(data_samples)

    def compute_metrics(self, results):
        return {"count": float(len(results)), "per_class": "a table"}


def loader(shuffle=False):
    return {
        "batch_size": BATCH,
        "dataset": Numbers(),
        "sampler": {"type": "DefaultSampler", "shuffle": shuffle},
        "collate_fn": {"type": "pseudo_collate"},
    }


def build(work_dir, *, epochs=EPOCHS, **options):
    file = work_dir.parent / "toy" / "a.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text("note = 'what the record keeps'\n")
    evaluation = {"val_dataloader": loader(), "val_cfg": {}, "val_evaluator": Evaluator(Count())}
    test = {"test_dataloader": loader(), "test_cfg": {}, "test_evaluator": Evaluator(Count())}
    return Runner(
        model=Toy(),
        work_dir=str(work_dir),
        train_dataloader={**loader(), "dataset": Named()},
        train_cfg={"by_epoch": True, "max_epochs": epochs, "val_interval": 1},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.01}},
        randomness={"seed": 5},
        default_hooks={"logger": {"type": "LoggerHook", "interval": 1000}},
        custom_hooks=[{"type": "mmdense.RecordHook"}],
        default_scope="mmengine",
        experiment_name=f"{work_dir.parent.name}_{work_dir.name}_{epochs}",
        cfg=Config.fromfile(file),
        **evaluation,
        **test,
        **options,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    work_dir = tmp_path_factory.mktemp("runs") / "whole"
    runner = build(work_dir)
    runner.train()
    return work_dir, runner


def test_a_training_leaves_its_record(trained):
    work_dir, runner = trained
    record = load(work_dir / "record.json")
    assert (record.slug, record.name, record.seed) == ("toy", "a", 5)
    assert record.config["note"] == "what the record keeps"
    assert record.metrics == {"toy/count": 20.0}  # the string is no metric
    assert record.curves["val/toy/count"] == [[10, 20.0], [20, 20.0], [30, 20.0]]
    assert record.curves["train/lr"] == [[step, 0.01] for step in range(1, ITERATIONS + 1)]
    logged = runner.message_hub.get_scalar("train/loss").data[0]
    assert [point[0] for point in record.curves["train/loss"]] == list(range(1, ITERATIONS + 1))
    assert [point[1] for point in record.curves["train/loss"]] == pytest.approx(logged, rel=1e-5)
    assert record.first_losses == [point[1] for point in record.curves["train/loss"]][:20]
    assert record.images == IMAGES
    assert record.wall_time_s > 0
    assert record.peak_memory_mib > 50
    assert 0 < record.cost["cpu_hours"] < 1
    assert record.data == {"train": data_checksum(Named())}  # the others do not list their images
    # 30 iterations, 5 of them to warm up: the speed is that of the other 25.
    hook = next(hook for hook in runner.hooks if type(hook).__name__ == "RecordHook")
    assert hook._images == 25 * BATCH
    assert record.images_per_second == pytest.approx(50 / hook._image_seconds, rel=1e-4)


def test_a_test_after_training_adds_to_the_record(trained, tmp_path):
    runner = build(tmp_path / "run", epochs=1)
    runner.train()
    runner.test()
    record = load(tmp_path / "run" / "record.json")
    assert record.metrics == {"toy/count": 20.0}
    assert "train/loss" in record.curves
    assert not (tmp_path / "run" / "test_record.json").exists()


@pytest.mark.parametrize("part", [False, True])
def test_checks_of_expected_scores(tmp_path, monkeypatch, part):
    if part:  # of a pipeline, which checks the whole
        monkeypatch.setenv("MMDENSE_STAGE", "1")
    entry = {"paper": "a paper", "metric": "toy/count", "value": 22.0, "tolerance": 1.0}
    runner = build(tmp_path / "run", epochs=1)
    runner.cfg.expected = [entry]
    runner.train()
    runner.test()
    check = Check("toy/count", 20.0, 22.0, 1.0, "a paper", Outcome.OUTSIDE)
    assert load(tmp_path / "run" / "record.json").checks == ([] if part else [check])


def test_a_test_alone_leaves_the_training_record_as_it_is(trained, tmp_path):
    work_dir = tmp_path / "run"
    shutil.copytree(trained[0], work_dir)
    before = (work_dir / "record.json").read_bytes()
    build(work_dir, load_from=str(work_dir / "epoch_3.pth")).test()
    assert (work_dir / "record.json").read_bytes() == before
    record = load(work_dir / "test_record.json")
    assert record.metrics == {"toy/count": 20.0}
    assert record.curves == {}
    assert record.images_per_second is None


def test_a_resumed_run_continues_curves_time_and_data(trained, tmp_path):
    whole = load(trained[0] / "record.json")
    work_dir = tmp_path / "run"
    shutil.copytree(trained[0], work_dir)
    checkpoint = torch.load(work_dir / "epoch_2.pth", weights_only=False)
    state = checkpoint["message_hub"]["runtime_info"]["mmdense_record"]
    state["data"]["train"] = "another"
    torch.save(checkpoint, work_dir / "epoch_2.pth")
    build(work_dir, load_from=str(work_dir / "epoch_2.pth"), resume=True).train()
    resumed = load(work_dir / "record.json")
    for name in ("train/loss", "train/lr"):
        assert [p[0] for p in resumed.curves[name]] == [p[0] for p in whole.curves[name]]
    values = [point[1] for point in resumed.curves["train/loss"]]
    assert values == pytest.approx([p[1] for p in whole.curves["train/loss"]], rel=1e-4)
    # The checkpoint of epoch 2 is written before the validation of epoch 2.
    assert resumed.curves["val/toy/count"] == [[10, 20.0], [30, 20.0]]
    assert resumed.wall_time_s > state["wall_time_s"] > 0
    assert resumed.cost["cpu_hours"] > state["cost"]["cpu_hours"] > 0
    assert resumed.date == whole.date
    before = {"train, before the resume": "another"}
    assert resumed.data == {"train": data_checksum(Named()), **before}
    changed = "the data of train changed at the resume"
    assert resumed.notes == ["resumed after iteration 20", changed]
    assert resumed.first_losses == whole.first_losses


def test_weights_of_another_run_bring_no_history(trained, tmp_path):
    build(tmp_path / "run", epochs=1, load_from=str(trained[0] / "epoch_3.pth")).train()
    record = load(tmp_path / "run" / "record.json")
    assert len(record.curves["train/loss"]) == IMAGES // BATCH
    assert record.notes == []


@pytest.mark.parametrize("main", [True, False])
def test_the_first_process_writes_the_cost_of_all(tmp_path, monkeypatch, main):
    gathered = []

    def gather(mine):
        gathered.append(mine)
        return {"cpu_hours": 7.0}

    monkeypatch.setattr(module, "is_main_process", lambda: main)
    monkeypatch.setattr(module, "over_processes", gather)
    build(tmp_path / "run", epochs=1).train()
    assert len(gathered) == 1 and gathered[0]["cpu_hours"] > 0
    file = tmp_path / "run" / "record.json"
    assert file.is_file() is main
    if main:
        assert load(file).cost == {"cpu_hours": 7.0}


def test_metrics_of_another_hook_without_their_time(tmp_path):
    class Measures(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            if runner.iter == 6:  # the speed counts from the sixth on
                record = next(hook for hook in runner.hooks if isinstance(hook, RecordHook))
                record.add_metrics({"my/score": 7}, step=7, seconds=-1000.0)

    runner = build(tmp_path / "run", epochs=1)
    runner.register_hook(Measures())
    runner.train()
    record = load(tmp_path / "run" / "record.json")
    assert record.metrics == {"toy/count": 20.0, "my/score": 7.0}
    assert record.curves["val/my/score"] == [[7, 7.0]]
    hook = next(hook for hook in runner.hooks if isinstance(hook, RecordHook))
    assert hook._image_seconds > 1000  # "less than no time" shows as a thousand seconds more


def test_only_the_first_losses(tmp_path, monkeypatch):
    file = tmp_path / "losses.json"
    monkeypatch.setenv("MMDENSE_FIRST_LOSSES", f"3:{file}")
    with pytest.raises(SystemExit) as ended:
        build(tmp_path / "run").train()
    assert ended.value.code == 0
    assert len(json.loads(file.read_text())) == 3
    assert not (tmp_path / "run" / "record.json").exists()
