"""Dense protocols during training: training is not affected, scores reach log and record."""

import numpy as np
import pytest
import torch
from PIL import Image

from mmdense.config.usage_error import UsageError
from mmdense.evaluation.dense.data_folders import open_data
from mmdense.evaluation.dense.dense_hook import DenseEvalHook
from mmdense.evaluation.dense.patches import FrozenBackbone
from mmdense.evaluation.dense.protocol import DenseTask, score
from mmdense.evaluation.dense.protocols import with_settings
from mmdense.evaluation.features import evaluating
from mmdense.evaluation.probe_loaders import build_preprocessor
from mmdense.records.record import load
from tests.mmdense.evaluation.tiny_siamese import Losses, build
from tests.two_processes import in_two_processes

SETTINGS = {"context_knn.memory": 16, "context_knn.k": 3}
NAMES = ("context_knn", "position")
RECORD = {"type": "mmdense.RecordHook", "slug": "tiny", "name": "dense"}


@pytest.fixture
def hook(tmp_path):
    """The config of a hook, with five training images and two validation images of 64 px."""
    noise = np.random.default_rng(0)
    for split, count in (("train", 5), ("val", 2)):
        for i in range(count):
            labels = noise.integers(0, 2, (2, 2), dtype=np.uint8).repeat(32, 0).repeat(32, 1)
            pixels = noise.integers(0, 40, (64, 64, 3), dtype=np.uint8) + 200 * labels[..., None]
            for kind, array in (("images", pixels), ("annotations", labels)):
                path = tmp_path / "toy" / kind / split / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(path)
    return dict(
        type="mmdense.DenseEvalHook",
        data=str(tmp_path / "toy"),
        protocols=NAMES,
        settings=SETTINGS,
        size=64,
    )


def losses_of(work_dir, *hooks):
    losses = Losses()
    runner = build(work_dir, losses, *hooks)
    runner.train()
    return losses.losses, runner


def test_scores_are_recorded_and_training_is_the_same(hook, tmp_path):
    plain, _ = losses_of(tmp_path / "plain", RECORD)
    found, runner = losses_of(tmp_path / "dense", RECORD, hook)
    assert found == plain
    record = load(tmp_path / "dense" / "record.json")
    assert record.protocols == {
        "context_knn": "context_knn(memory=16,k=3,temperature=0.02,size=64,seed=3)",
        "position": "position(strength=0.001,images=200,grid=2x2,size=64,seed=3)",
    }
    points = record.curves["val/dense/context_knn/mIoU"]
    assert [step for step, _ in points] == [3, 6]
    preprocess = build_preprocessor(runner.cfg, None, where="test")
    frozen = FrozenBackbone(runner.model.backbone, preprocess)
    task = DenseTask(frozen, open_data(hook["data"]), size=64, seed=3)
    for name, protocol in with_settings(NAMES, SETTINGS).items():
        with evaluating(runner.model):
            expected = score(name, protocol, task)
        for key, value in expected.metrics.items():
            assert record.metrics[f"dense/{name}/{key}"] == pytest.approx(value, rel=1e-4)
    scalars = runner.message_hub.log_scalars
    assert "val/dense/position/r2_row" in scalars


def test_two_processes_report_what_the_first_one_measures(hook, tmp_path):
    def found():
        rank = torch.distributed.get_rank()
        runner = build(tmp_path / str(rank))
        torch.manual_seed(rank)  # other weights in each process
        runner.model.backbone.conv1.weight.data.normal_()
        one = DenseEvalHook(**{key: value for key, value in hook.items() if key != "type"})
        one.prepare(runner)
        measured = one.measured(runner.model.backbone, runner)
        return torch.tensor(list(measured.metrics.values()))

    first, second = in_two_processes(found, tmp_path)
    assert len(first) == 4
    assert torch.equal(first, second)


def test_weights_that_are_not_finite_do_not_stop_the_training(hook, tmp_path):
    class Poison(Losses):
        def before_train_epoch(self, runner):
            if runner.epoch == 1:
                next(runner.model.backbone.parameters()).data.fill_(torch.nan)

    build(tmp_path / "work", Poison(), RECORD, hook).train()
    record = load(tmp_path / "work" / "record.json")
    assert [step for step, _ in record.curves["val/dense/position/r2_row"]] == [3]
    log = next((tmp_path / "work").rglob("*.log")).read_text()
    assert "DenseEvalHook, iteration 6: position: " in log


def test_errors_come_before_training(hook, tmp_path):
    with pytest.raises(UsageError, match="context_knn"):
        DenseEvalHook(data="toy", protocols=["context_kn"])
    with pytest.raises(ValueError, match=r"interval must be 1"):
        DenseEvalHook(data="toy", interval=0)
    for data, fault in (("nowhere", "no such folder"), (hook["data"] + "/images", "no label maps")):
        with pytest.raises(ValueError, match=fault):
            build(tmp_path / "work", hook | {"data": data}).train()
