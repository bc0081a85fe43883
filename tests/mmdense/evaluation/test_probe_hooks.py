"""Probes during real runs: training is not affected, and the results reach log and record."""

import json
import math
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmdense.config.component_types import check_types
from mmdense.evaluation.probe_hooks import KNNHook
from mmdense.evaluation.probes import extract_probe_features, measure_knn
from mmdense.records.record import load
from tests.mmdense.evaluation.tiny_siamese import Colours, Losses, build, loader

KNN = {"type": "mmdense.KNNHook", "k": (1, 5)}
PROBE = {"type": "mmdense.LinearProbeHook"}
RECORD = {"type": "mmdense.RecordHook", "slug": "tiny", "name": "siamese"}
BY_ITER = {"by_epoch": False, "interval": 2}
LOOPS = {
    "upstream, by epochs": ({"by_epoch": True, "max_epochs": 2}, {}),
    "upstream, within epochs": ({"by_epoch": True, "max_epochs": 2}, BY_ITER),
    "upstream, by iterations": ({"by_epoch": False, "max_iters": 5}, BY_ITER),
    "ours": ({"type": "mmdense.EpochBasedTrainLoop", "max_epochs": 2}, BY_ITER),
}


def state_of_a_run(work_dir, train_cfg, hooks):
    """Bit-identical losses and weights, the modes of the modules, and the generators."""
    losses = Losses()
    random.seed(5)
    runner = build(work_dir, losses, *hooks, train_cfg=train_cfg)
    modes: list = []
    runner.register_hook(Losses(), priority="LOW")
    runner.hooks[-1].after_train_iter = lambda *_, **__: modes.append(
        [module.training for module in runner.model.modules()]
    )
    runner.train()
    weights = {name: value.numpy().tobytes() for name, value in runner.model.state_dict().items()}
    draws = random.random(), np.random.rand(), float(torch.rand(()))
    return losses.losses, weights, modes, draws


@pytest.mark.parametrize("loop", LOOPS)
def test_a_run_with_probes_is_bit_identical_to_one_without(loop, tmp_path):
    train_cfg, when = LOOPS[loop]
    images = {"train_dataloader": loader({"type": Colours, "draws": True})}  # they draw, too
    hooks = [KNN | when | images, PROBE | when | images]
    plain = state_of_a_run(tmp_path / "plain", train_cfg, [])
    probed = state_of_a_run(tmp_path / "probed", train_cfg, hooks)
    assert len(plain[0]) > 4
    assert any("running_var" in name for name in plain[1])
    assert probed == plain


def log_of(work_dir):
    """The lines of MMEngine's log file."""
    return next(work_dir.rglob("*.log")).read_text().splitlines()


class Steps(KNNHook):
    """Notes when it measures."""

    def _measure_and_report(self, runner, step):
        self.steps = [*getattr(self, "steps", ()), step]
        super()._measure_and_report(runner, step)


@pytest.mark.parametrize(
    ("train_cfg", "when", "expected"),
    [
        ({"by_epoch": True, "max_epochs": 5}, {}, [3, 6, 9, 12, 15]),
        ({"by_epoch": True, "max_epochs": 5}, {"interval": 2}, [6, 12, 15]),
        ({"by_epoch": True, "max_epochs": 2}, BY_ITER | {"interval": 4}, [4, 6]),
        ({"by_epoch": False, "max_iters": 6}, BY_ITER | {"interval": 3}, [3, 6]),
        ({"by_epoch": False, "max_iters": 2}, BY_ITER | {"interval": 9}, [2]),
    ],
)
def test_it_measures_at_intervals_and_once_at_the_end(train_cfg, when, expected, tmp_path):
    hook = Steps(k=[1], **when)
    build(tmp_path, hook, train_cfg=train_cfg).train()
    assert hook.steps == expected


def test_a_resumed_run_measures_when_the_whole_one_does(tmp_path):
    saving = {"logger": None, "checkpoint": {"type": "CheckpointHook", "interval": 1}}
    train_cfg = {"type": "mmdense.EpochBasedTrainLoop", "max_epochs": 5}
    more = {"train_cfg": train_cfg, "default_hooks": saving}
    build(tmp_path / "whole", KNN | {"interval": 2}, RECORD, **more).train()
    whole = load(tmp_path / "whole" / "record.json").curves["val/knn/k5_top1"]
    for epoch, expected in ((2, [12, 15]), (3, [12, 15]), (5, [15])):
        hook = Steps(k=[1, 5], interval=2)
        more["load_from"] = str(tmp_path / "whole" / f"epoch_{epoch}.pth")
        build(tmp_path / str(epoch), hook, RECORD, resume=True, **more).train()
        assert hook.steps == expected
        assert load(tmp_path / str(epoch) / "record.json").curves["val/knn/k5_top1"] == whole
    assert [step for step, _ in whole] == [6, 12, 15]


def test_results_reach_the_record_the_hub_and_the_log(tmp_path):
    runner = build(tmp_path, KNN, PROBE, RECORD, log_level="INFO")
    runner.train()
    hook = next(hook for hook in runner.hooks if isinstance(hook, KNNHook))
    features = extract_probe_features(
        runner.model.backbone, hook._preprocess, hook._loaders, where="", folder=str(tmp_path)
    )
    assert features.bank.shape == (24, 32)
    measured = measure_knn(features, ks=(1, 5), temperature=0.07)
    expected = {f"knn/{name}": value for name, value in measured.items()}
    metrics = load(tmp_path / "record.json").metrics
    names = {"linear_probe/top1", "linear_probe/top5", "linear_probe/strength", *expected}
    assert set(metrics) == names
    scalars = [json.loads(x) for x in next(tmp_path.rglob("scalars.json")).open()]
    last = {key: value for line in scalars if line["step"] == 6 for key, value in line.items()}
    for name, value in expected.items():
        assert metrics[name] == pytest.approx(value, rel=1e-5)
        assert runner.message_hub.get_scalar(f"val/{name}").current() == value
        assert last[f"val/{name}"] == value
    (line,) = [line for line in log_of(tmp_path) if "iteration 6: knn/" in line]
    assert "(24 train and 13 test images, " in line
    images = torch.randint(256, (2, 3, 16, 16), dtype=torch.uint8)
    own = runner.model.data_preprocessor({"inputs": images}, training=False)["inputs"]
    torch.testing.assert_close(hook._preprocess({"inputs": images})["inputs"], own)


def test_time_spent_measuring_is_no_training_time(tmp_path, monkeypatch):
    hook = Steps(k=[1], **BY_ITER)
    hook.measure = lambda features: ticks.advance(1000.0) or {"k1_top1": 1.0}
    ticks = SimpleNamespace(now=0.0)
    ticks.advance = lambda seconds: setattr(ticks, "now", ticks.now + seconds)

    def clock():
        ticks.advance(0.001)
        return ticks.now

    for module in ("evaluation.during_training", "records.record_hook"):
        monkeypatch.setattr(f"mmdense.{module}.time.perf_counter", clock)
    monkeypatch.setattr("mmengine.hooks.iter_timer_hook.time.time", clock)
    cfg = {"by_epoch": False, "max_iters": 8}
    runner = build(tmp_path, hook, RECORD, train_cfg=cfg)
    runner.train()
    assert load(tmp_path / "record.json").images_per_second > 100
    assert max(runner.message_hub.get_scalar("train/time").data[0]) < 1
    assert load(tmp_path / "record.json").wall_time_s > 4_000


def test_non_finite_features_give_nan_and_the_run_continues(tmp_path):
    class Poison(Losses):
        def before_train_epoch(self, runner):
            if runner.epoch == 1:
                next(runner.model.backbone.parameters()).data.fill_(math.nan)

    runner = build(tmp_path, Poison(), KNN, PROBE, RECORD)
    runner.train()
    assert runner.iter == 6
    curves = load(tmp_path / "record.json").curves
    for name in ("val/knn/k1_top1", "val/linear_probe/strength"):
        assert [math.isnan(value) for _, value in curves[name]] == [False, True]
    errors = [line for line in log_of(tmp_path) if "ERROR" in line]
    expected = "KNNHook, iteration 6: features of 37 of 37 images contain NaN or infinity"
    assert sum(expected in line for line in errors) == 1
    assert sum("LinearProbeHook, iteration 6" in line for line in errors) == 1


def test_a_bank_in_a_file(tmp_path):
    results = []
    for limit in (0, 512):
        runner = build(tmp_path / str(limit), KNN | {"ram_limit_mib": limit})
        runner.train()
        results.append(runner.message_hub.get_scalar("val/knn/k5_top1").data[0].tolist())
        assert not list((tmp_path / str(limit)).rglob("feature_bank*"))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("hook", "train_cfg", "message"),
    [
        (KNN | {"interval": 0}, None, "KNNHook.interval must be 1 or more, found 0"),
        (PROBE | {"interval": -1}, None, "LinearProbeHook.interval must be 1 or more"),
        (KNN, {"by_epoch": False, "max_iters": 3}, "KNNHook.by_epoch is True, but train_cfg"),
        (KNN | {"k": (20, 0)}, None, "KNNHook.k must be"),
        (KNN | {"k": ()}, None, "KNNHook.k must be"),
        (KNN | {"k": [5, 25]}, None, "KNNHook: k=25 .*24 images"),
        (KNN | {"temperature": -0.07}, None, "KNNHook.temperature must be positive"),
    ],
)
def test_bad_arguments_are_refused_before_training(hook, train_cfg, message, tmp_path):
    losses = Losses()
    with pytest.raises(ValueError, match=message):
        build(tmp_path, losses, hook, train_cfg=train_cfg).train()
    assert losses.losses == []


def test_a_model_without_backbone_lists_its_children(tmp_path):
    runner = build(tmp_path, KNN)
    runner.model.trunk = runner.model.backbone
    del runner.model.backbone
    message = "KNNHook: SimSiam has no module `backbone`; its children are .*neck, head, trunk"
    with pytest.raises(ValueError, match=message):
        runner.train()


def test_sharded_weights(tmp_path):
    runner = build(tmp_path, KNN)
    next(runner.model.backbone.parameters()).to_local = None
    with pytest.raises(ValueError, match="KNNHook: .*FSDP"):
        runner.train()


def test_an_unlabelled_image_that_is_not_listed(tmp_path):
    # A data set that cannot list its classes shows them only as it is read.
    images = {"type": Colours, "size": 3, "labels": [0, 1, -1], "listed": False}
    hook = KNN | {"k": [1], "train_dataloader": {"dataset": images}}
    with pytest.raises(ValueError, match="KNNHook: some images have no label"):
        build(tmp_path, hook).train()


def test_a_mistyped_key_is_found_before_the_run():
    hook = {"type": "mmdense.KNNHook", "interval": 2, "by_epok": False}
    problems = list(check_types(Config({"custom_hooks": [hook]})))
    assert [problem.nearest for problem in problems] == ["by_epoch"]
