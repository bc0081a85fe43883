import copy
from pathlib import Path

import pytest
from mmengine.config import Config

import mmdense  # noqa: F401  (configs inherit `mmseg::`, which the import makes possible)
from mmdense.config.check import check_config
from mmdense.config.origin import COMMAND_LINE
from mmdense.engine import steps

ROOT = Path(__file__).resolve().parents[3]
STOCK = [
    *(str(path) for path in sorted((ROOT / "configs" / "probe").glob("*.py"))),
    "mmdet::retinanet/retinanet_r50_fpn_1x_coco.py",
    "mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py",
    "mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py",
    "mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py",
    "mmdet::queryinst/queryinst_r50_fpn_1x_coco.py",
    "mmdet::detr/detr_r50_8xb2-150e_coco.py",
    "mmdet::fpg/retinanet_r50_fpg_crop640_50e_coco.py",
    "mmpretrain::resnest/resnest101_32xb64_in1k.py",
    "mmpretrain::vision_transformer/vit-base-p16_8xb64-lora_in1k-384px.py",
    "mmpretrain::simsiam/simsiam_resnet50_8xb32-coslr-100e_in1k.py",
    "mmpretrain::swin_transformer/swin-tiny_16xb64_in1k.py",
    "mmseg::segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py",
    "mmseg::mask2former/mask2former_r50_8xb2-160k_ade20k-512x512.py",
]


@pytest.mark.parametrize("base", STOCK)
def test_no_false_alarm_on_stock_configs(base, tmp_path):
    config = tmp_path / "child.py"
    config.write_text(f"_base_ = '{base}'\n")
    assert check_config(Config.fromfile(config)) == []


def test_no_false_alarm_on_what_our_tools_add(monkeypatch, tmp_path):
    cfg = Config.fromfile(ROOT / "configs/pretrain/simsiam_r18_collage.py")
    cfg.work_dir, cfg.launcher = str(tmp_path), "none"
    steps.scale_learning_rate(Config({"auto_scale_lr": {"base_batch_size": 4}}))
    steps.start_from(cfg, "some.pth", [])
    steps.fit_to_machine(cfg)
    assert check_config(cfg) == []


@pytest.fixture(scope="module")
def sound():
    return Config.fromfile(ROOT / "configs/detection/faster_rcnn_r18_bccd.py")


@pytest.fixture
def child(tmp_path, monkeypatch):
    """A config with one line of its own, over a sound one."""
    monkeypatch.chdir(tmp_path)

    def write(line):
        Path("my.py").write_text(
            f"_base_ = '{ROOT}/configs/pretrain/simsiam_r18_collage.py'\n{line}\n"
        )
        return Config.fromfile("my.py")

    return write


@pytest.mark.parametrize(
    ("line", "path", "hint"),
    [
        ("optim_wraper = dict(optimizer=dict(lr=1))", "optim_wraper", "'optim_wrapper'"),
        ("train_dataloder = dict(batch_size=2)", "train_dataloder", "'train_dataloader'"),
        ("default_hook = dict()", "default_hook", "'default_hooks'"),
        ("optimizer = dict(type='SGD', lr=1)", "optimizer", "optim_wrapper.optimizer"),
        ("lr_config = dict(policy='step')", "lr_config", "param_scheduler"),
        ("total_epochs = 3", "total_epochs", "train_cfg.max_epochs"),
        ("model = dict(backbone=dict(dept=50))", "model.backbone.dept", "'depth'"),
        ("optim_wrapper = dict(lr=1)", "optim_wrapper.lr", "'optim_wrapper.optimizer.lr'"),
        ("custom_hooks = [dict(type='EMAHok')]", "custom_hooks.0.type", "'EMAHook'"),
    ],
)
def test_a_mistake_is_one_line_with_its_file(child, line, path, hint):
    (problem,) = check_config(child(line))
    text = str(problem)
    assert text.startswith(f"{path}: ")
    assert hint in text
    assert text.endswith("(my.py)")


@pytest.mark.parametrize(
    "line",
    [
        "optimizer = dict(lr=1)\noptim_wrapper = dict(optimizer=optimizer)",
        "lr = 0.1\noptim_wrapper = dict(optimizer=dict(lr=lr))",
        "optim_wrappers = 3\nmodel = dict(feat_dims=[optim_wrappers][0])",
        "my_own_setting = 5",
    ],
)
def test_a_variable_of_the_config_is_no_mistake(child, line):
    cfg = child(line)
    cfg.model.pop("feat_dims", None)
    assert check_config(cfg) == []


def test_an_option_is_of_the_command_line(sound):
    cfg = copy.deepcopy(sound)
    cfg.merge_from_dict({"optim_wraper.optimizer.lr": 1, "model.backbone.dept": 50})
    problems = {problem.path: problem for problem in check_config(cfg)}
    assert set(problems) == {("optim_wraper",), ("model", "backbone", "dept")}
    assert {problem.origin for problem in problems.values()} == {COMMAND_LINE}


def test_problems_come_in_the_order_of_the_config(sound):
    cfg = copy.deepcopy(sound)
    cfg.merge_from_dict({"model.x": 1, "train_cfg.x": 1, "train_dataloader.x": 1})
    order = [problem.path[0] for problem in check_config(cfg)]
    assert order == sorted(order, key=list(cfg).index)
    assert set(order) == {"model", "train_dataloader", "train_cfg"}


def test_a_config_that_a_program_made_has_no_files():
    found = {problem.path[0]: problem for problem in check_config(Config(dict(lr=1, modl={})))}
    assert "optim_wrapper.optimizer.lr" in found["lr"].what
    assert found["modl"].nearest == "model" and found["modl"].origin is None


def test_a_config_in_pure_python(tmp_path):
    config = tmp_path / "lazy.py"
    config.write_text(
        "from mmdet.models import FPN\n"
        "from mmengine.optim import OptimWrapper\n"
        "from torch.optim import SGD\n"
        "default_scope = 'mmdet'\n"
        "model = dict(type=FPN, in_channels=[8], out_channels=8, num_out=1)\n"
        "optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=SGD), paramwise_cfg=dict())\n"
    )
    (problem,) = check_config(Config.fromfile(config))
    assert str(problem) == (
        f"model.num_out: FPN takes no 'num_out'; did you mean 'num_outs'? ({config})"
    )
