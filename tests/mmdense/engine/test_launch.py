import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmpretrain.models import ResNet

from mmdense.config.arguments import ToolParser
from mmdense.config.usage_error import UsageError
from mmdense.engine import launch, steps
from mmdense.transfer.apply import IncompatibleCheckpointError

ROOT = Path(__file__).resolve().parents[3]


def parse(*words):
    parser = ToolParser()
    parser.add_run()
    return parser.parse_args([str(word) for word in words])


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "my_run.py"
    path.write_text(
        "model = dict(type='M', norm_cfg=dict(type='SyncBN'), blocks=[dict(type='SyncBN')])\n"
        "optim_wrapper = dict(type='OptimWrapper', loss_scale='dynamic')\n"
        "train_dataloader = dict(num_workers=64, persistent_workers=True)\n"
        "val_dataloader = dict(batch_size=1)\n"
        "default_scope = 'mmpretrain'\n"
        "sync_bn = 'torch'\n"
    )
    return path


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_trust_takes_effect_when_it_is_parsed(config, monkeypatch):
    calls = []
    monkeypatch.setattr("mmdense.checkpoints.read.trust_checkpoints", lambda: calls.append(1))
    assert parse(config).trust_checkpoint is False and not calls
    assert parse(config, "--trust-checkpoint").trust_checkpoint is True and calls


def test_options_and_seed_reach_the_config(config):
    assert launch.load_config(parse(config)).work_dir == "work_dirs/my_run"
    assert launch.load_config(parse(config, "--work-dir", "elsewhere")).work_dir == "elsewhere"
    cfg = launch.load_config(
        parse(config, "--seed", 7, "--cfg-options", "model.type=Other", "train_dataloader.x=[1,2]")
    )
    assert cfg.randomness.seed == 7
    assert cfg.model.type == "Other"
    assert cfg.train_dataloader.x == [1, 2]
    assert cfg.train_dataloader.collate_fn.type == "default_collate"  # as MMPretrain's own tool


def test_a_collate_function_that_is_inherited_takes_no_scope(tmp_path):
    path = tmp_path / "byol.py"
    path.write_text("_base_ = 'mmpretrain::_base_/datasets/imagenet_bs32_byol.py'\n")
    assert "_scope_" in Config.fromfile(path).train_dataloader.collate_fn
    cfg = launch.load_config(parse(path))
    assert cfg.train_dataloader.collate_fn == {"type": "default_collate"}


def test_workers_are_cut_to_the_cores_and_shared_by_the_processes_of_a_node(config, monkeypatch):
    monkeypatch.setattr(steps, "available_cores", lambda: 8)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    cfg = launch.load_config(parse(config))
    steps.fit_to_machine(cfg)
    assert torch.get_num_threads() == 4
    assert cfg.train_dataloader.num_workers == 4
    assert cfg.train_dataloader.persistent_workers
    assert cfg.val_dataloader.num_workers == 0
    assert not cfg.val_dataloader.persistent_workers  # torch refuses it without workers
    assert cfg.env_cfg.mp_cfg.opencv_num_threads == 0
    monkeypatch.setenv("MKL_NUM_THREADS", "1")
    torch.set_num_threads(1)
    steps.fit_to_machine(launch.load_config(parse(config)))
    assert torch.get_num_threads() == 1  # the user sets it


def test_a_work_dir_with_checkpoints_is_not_overwritten(config, tmp_path):
    cfg = launch.load_config(parse(config, "--work-dir", tmp_path / "my run"))
    steps.refuse_to_overwrite(cfg)  # there is none yet
    (tmp_path / "my run").mkdir()
    (tmp_path / "my run" / "output.log").touch()
    steps.refuse_to_overwrite(cfg)
    (tmp_path / "my run" / "epoch_1.pth").touch()
    with pytest.raises(UsageError, match=r"epoch_1\.pth.*--resume.*--overwrite.*--work-dir"):
        steps.refuse_to_overwrite(cfg)
    cfg.resume = True
    steps.refuse_to_overwrite(cfg)


def test_a_data_folder_that_is_missing_is_named_with_its_key(config, tmp_path):
    dataset = {"type": "RepeatDataset", "dataset": {"type": "CustomDataset", "data_root": "x y"}}
    cfg = launch.load_config(parse(config))
    cfg.train_dataloader.dataset = dataset
    with pytest.raises(UsageError, match=r"train_dataloader\.dataset\.dataset\.data_root.*'x y'"):
        steps.check_data_folders(cfg)
    for root in (str(tmp_path), "s3://bucket/data", ""):
        cfg.train_dataloader.dataset.dataset.data_root = root
        steps.check_data_folders(cfg)
    cfg.train_dataloader.dataset = {"type": "CIFAR10", "data_root": "it downloads"}
    steps.check_data_folders(cfg)


@pytest.mark.parametrize(("cuda", "kind"), [(False, "mmdense.BatchNormXd"), (True, "SyncBN")])
def test_without_a_gpu_sync_bn_becomes_batchnorm(config, monkeypatch, cuda, kind):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    cfg = launch.load_config(parse(config))
    steps.fit_to_machine(cfg)
    assert cfg.model.norm_cfg.type == cfg.model.blocks[0].type == kind
    assert cfg.sync_bn == ("torch" if cuda else None)


def test_the_replacement_of_sync_bn_takes_maps_and_vectors():
    from mmcv.cnn import build_norm_layer

    name, layer = build_norm_layer({"type": "mmdense.BatchNormXd"}, 3)
    assert name == "bn"
    assert layer(torch.rand(4, 3)).shape == (4, 3)
    assert layer(torch.rand(4, 3, 2, 2)).shape == (4, 3, 2, 2)


@pytest.mark.parametrize(
    ("bf16", "cuda", "wrapper"),
    [
        (True, False, "mmdense.BFloat16OptimWrapper"),
        (True, True, "mmdense.BFloat16OptimWrapper"),
        (False, True, "AmpOptimWrapper"),
        (False, False, "OptimWrapper"),
    ],
)
def test_amp_follows_the_hardware(config, monkeypatch, bf16, cuda, wrapper):
    monkeypatch.setattr(steps, "supports_bf16", lambda: bf16)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    cfg = launch.load_config(parse(config))
    steps.enable_amp(cfg)
    assert cfg.optim_wrapper.type == wrapper
    assert ("loss_scale" in cfg.optim_wrapper) == (wrapper != "mmdense.BFloat16OptimWrapper")


def test_scaling_the_rate_needs_its_base_batch_size(config):
    cfg = launch.load_config(parse(config))
    with pytest.raises(ValueError, match="auto_scale_lr = dict\\(base_batch_size"):
        steps.scale_learning_rate(cfg)
    cfg.auto_scale_lr = {"base_batch_size": 256}
    steps.scale_learning_rate(cfg)
    assert cfg.auto_scale_lr.enable


@pytest.fixture
def state(tmp_path):
    """A checkpoint to resume from."""
    content = {"state_dict": {"w": torch.ones(1)}, "meta": {"epoch": 1, "iter": 2}}
    torch.save(content | {"optimizer": {}, "message_hub": {}}, tmp_path / "epoch_1.pth")
    return tmp_path / "epoch_1.pth"


def test_resume(state, monkeypatch):
    def resumed(step, folder=state.parent, **options):
        cfg = Config({"load_from": "pretrained.pth", "work_dir": str(folder)})
        step(cfg, **options)
        return cfg.get("resume", False), cfg.load_from

    gone_on = (True, str(state))
    assert resumed(steps.resume, checkpoint="auto") == gone_on
    assert resumed(steps.resume, checkpoint=str(state)) == gone_on
    nothing_yet = resumed(steps.resume, state.parent / "new", checkpoint="auto")
    assert nothing_yet == (False, "pretrained.pth")
    with pytest.raises(FileNotFoundError, match=r"--resume absent.pth: there is no such file"):
        resumed(steps.resume, checkpoint="absent.pth")
    for restarts, found in (("0", (False, "pretrained.pth")), ("1", gone_on)):
        monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", restarts)
        assert resumed(steps.resume_after_restart) == found


def test_a_restart_that_would_wait_forever_is_refused(state, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "True")
    with pytest.raises(RuntimeError, match=r"use mmdense dist_train"):
        steps.resume_after_restart(Config({"work_dir": str(state.parent)}))


def test_predictions_are_pickled_or_refused():
    cfg = Config({"test_evaluator": {"type": "CocoMetric"}})
    with pytest.raises(ValueError, match="ends in .pkl"):
        steps.dump_predictions(cfg, "out.json")
    steps.dump_predictions(cfg, "out.pkl")
    assert [entry["type"] for entry in cfg.test_evaluator] == ["CocoMetric", "DumpResults"]


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [(1, ["LinearLR", "MultiStepLR"]), (2, ["LinearLR", "CosineAnnealingLR", "MultiStepLR"])],
)
def test_schedules_that_begin_after_the_end_are_left_out(epochs, expected):
    warm_up = {"type": "LinearLR", "by_epoch": True, "end": 1}
    late = {"type": "CosineAnnealingLR", "by_epoch": True, "begin": 1}
    decay = {"type": "MultiStepLR", "by_epoch": False, "begin": 500}
    cfg = Config({"train_cfg": {"max_epochs": epochs}, "param_scheduler": [warm_up, late, decay]})
    steps.drop_late_schedules(cfg)
    assert [schedule.type for schedule in cfg.param_scheduler] == expected


def test_hooks_that_a_config_has_are_not_added_again():
    own = {"type": "mmdense.RecordHook", "slug": "own"}
    cfg = Config({"train_cfg": {}, "custom_hooks": [own], "channels_last": False})
    added = steps.add_hooks(cfg).custom_hooks
    assert added[0] == own
    names = ("Progress", "Preemption", "NonFinite", "BrokenImages")
    assert added[1:] == [{"type": f"mmdense.{name}Hook"} for name in names]
    again = [*added]
    assert steps.add_hooks(cfg).custom_hooks == again


@pytest.mark.parametrize(
    ("init", "load_from", "modules"),
    [
        ("a.pth", None, [None]),
        (None, "b.pth", [""]),
        ("a.pth", "b.pth", ["", None]),
        (None, None, []),
    ],
)
def test_checkpoints_of_command_line_and_config_are_loaded_strictly(init, load_from, modules):
    cfg = Config({"model": {}, "load_from": load_from, "custom_hooks": [{"type": "Own"}]})
    steps.start_from(cfg, init, ["heads"])
    assert cfg.load_from is None
    assert [hook.get("module") for hook in cfg.custom_hooks[1:]] == modules
    for hook in cfg.custom_hooks[1:]:
        assert hook["type"] == "mmdense.LoadBackboneHook" and hook["allow"] == ["heads"]


def test_strict_initialisers_become_hooks_unless_the_run_is_resumed():
    init = {"type": "StrictPretrained", "checkpoint": "a.pth", "allow": ["norm0.*"]}
    teacher = {"type": "StrictPretrained", "checkpoint": "b.pth"}
    model = {
        "backbone": {"type": "mmdet.SwinTransformer", "init_cfg": init},
        "neck": {"init_cfg": {"type": "Xavier"}},
        "teacher": {"backbone": {"init_cfg": teacher}},
    }
    resumed = Config({"model": model, "resume": True, "load_from": "c.pth"})
    assert steps.start_from(resumed, None).model.backbone.init_cfg == init
    assert resumed.load_from == "c.pth"
    cfg = steps.start_from(Config({"model": model}), None)
    hook = {"type": "mmdense.LoadBackboneHook"}
    assert cfg.custom_hooks == [
        {**hook, "module": "backbone", "checkpoint": "a.pth", "allow": ["norm0.*"]},
        {**hook, "module": "teacher.backbone", "checkpoint": "b.pth", "allow": []},
    ]
    assert cfg.model.backbone.init_cfg is None
    assert cfg.model.neck.init_cfg == {"type": "Xavier"}


def test_a_checkpoint_that_does_not_fit_is_refused_before_the_data_are_looked_for(tmp_path):
    cfg = Config.fromfile(ROOT / "configs" / "pretrain" / "simsiam_r18_collage.py")
    cfg.launcher, cfg.work_dir = "none", str(tmp_path / "work")
    cfg.train_dataloader.dataset.data_root = str(tmp_path / "absent")
    cfg.model.backbone.update(stem_channels=8, base_channels=8)
    weights = ResNet(18, stem_channels=8, base_channels=8).state_dict()
    files = [str(tmp_path / "fits.pth"), str(tmp_path / "wrong.pth")]
    torch.save({f"backbone.{name}": value for name, value in weights.items()}, files[0])
    weights["conv1.weight"] = weights["conv1.weight"][:4]
    torch.save({f"backbone.{name}": value for name, value in weights.items()}, files[1])
    with pytest.raises(IncompatibleCheckpointError, match="wrong shape: conv1.weight"):
        launch.build_runner(copy.deepcopy(cfg), launch.training_steps(init=files[1]))
    with pytest.raises(FileNotFoundError, match="missing"):
        launch.build_runner(copy.deepcopy(cfg), launch.training_steps(init="missing.pth"))
    with pytest.raises(UsageError, match=r"dataset\.data_root: no such folder"):
        launch.build_runner(cfg, launch.training_steps(init=files[0]))
    assert not (tmp_path / "work").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="the group is gloo on CPUs only")
@pytest.mark.parametrize(("end", "left"), [("", "joined False"), ("1 / 0", "joined True")])
def test_a_process_that_ends_leaves_its_group_unless_it_failed(end, left):
    script = (
        "import atexit, torch.distributed as dist\n"
        "from mmengine.config import Config\n"
        "from mmdense.engine.launch import join_processes\n"
        "atexit.register(lambda: print('joined', dist.is_initialized()))\n"
        f"join_processes(Config())\n{end}\n"
    )
    port = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0", "RANK": "0", "WORLD_SIZE": "1"}
    command = [sys.executable, "-c", script]
    environment = os.environ | port
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == left, done.stderr
