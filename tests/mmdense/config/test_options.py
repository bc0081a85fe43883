import argparse
from pathlib import Path

import pytest
from mmengine.config import Config, DictAction

import mmdense  # noqa: F401  (configs inherit `mmseg::`, which the import makes possible)
from mmdense.config.options import (
    ConfigOptions,
    format_options,
    parse_value,
    read_config,
)
from mmdense.config.usage_error import UsageError

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("/data/my photos", "/data/my photos"),
        (" /data/a ", " /data/a "),
        ("C:\\new photos\\x", "C:\\new photos\\x"),
        ("/data/bob's", "/data/bob's"),
        ("/data/run (1)/a", "/data/run (1)/a"),
        ("(old) photos/(x)", "(old) photos/(x)"),
        ("/data/a(b", "/data/a(b"),
        ('"/data/a, b"', "/data/a, b"),
        ("'[x]'", "[x]"),
        ('"12"', "12"),
        ("[a b , 'c, d']", ["a b", "c, d"]),
        ("['it''s', (1,\"x)y\")]", ["it''s", (1, "x)y")]),
        ("a b,c", ["a b", "c"]),
        ("'a','b'", ["a", "b"]),
    ],
)
def test_a_string_is_kept_verbatim(text, value):
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "12", "1e-3", "true", "None", "a", "1,2,3", "a,", "[a, b, c]", "[]", "()", "(1)"),
        *("[(1, 2, 3), [a, b], c]", "(256,192)", "[img_path,img_shape]", "a,,b"),
    ],
)
def test_what_mmengine_reads_without_loss_is_read_the_same(text):
    assert repr(parse_value(text)) == repr(DictAction._parse_iterable(text))


@pytest.mark.parametrize(
    "options",
    [
        {"a": "my photos", "b.c": r"C:\x", "d": "a,b", "e": "12", "f": " x ", "g": ""},
        {"a": [1, "x, y", None, ("z", 2.5)], "b": (), "c": [], "d": ("a",), "e": "[x]"},
        {"a": "it's, ok", "b": True, "c": 1e-3, "d": [[1], [2, "a'b"]]},
    ],
)
def test_written_options_are_read_back(options):
    words = format_options(options)
    assert {w.partition("=")[0]: parse_value(w.partition("=")[2]) for w in words} == options


def test_dictionaries_are_written_by_dotted_keys():
    assert format_options({"model": {"a": {"b": 1}, "c": "x"}}) == ["model.a.b=1", "model.c=x"]
    with pytest.raises(ValueError, match=r"model.a: .* cannot be written"):
        format_options({"model": {"a": "x', y\", z"}})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data_root=/data/my", "photos"], "'photos' is not KEY=VALUE. Quote a value with"),
        (["=3"], "'=3' is not KEY=VALUE"),
        (["train_cfg.=3"], "'train_cfg.=3' is not KEY=VALUE"),
        (["a=[1,2"], "a: unbalanced brackets in '[1,2'"),
        (["a=['x, y]"], "a: unclosed quotes"),
    ],
)
def test_a_malformed_option_is_named(words, message, capsys):
    parser = argparse.ArgumentParser()
    parser.add_argument("--cfg-options", nargs="+", action=ConfigOptions)
    args = parser.parse_args(["--cfg-options", "a=1", "b=x=y", "--cfg-options", "c=2", "a=3"])
    assert args.cfg_options == {"a": 3, "b": "x=y", "c": 2}  # they add up
    with pytest.raises(SystemExit):
        parser.parse_args(["--cfg-options", *words])
    assert message in capsys.readouterr().err


def read(config, options):
    return read_config(config, options, import_custom_modules=False)


def test_a_variable_changes_what_is_computed_from_it():
    cfg = read(ROOT / "configs/pretrain/simsiam_r18_photos.py", {"max_epochs": 6, "base_lr": 0.4})
    assert cfg.train_cfg.max_epochs == cfg.max_epochs == 6
    assert cfg.optim_wrapper.optimizer.lr == cfg.custom_hooks[0].lr == 0.1  # 0.4 * 64 / 256


def test_a_variable_of_a_base_and_of_its_child_is_one():
    options = {"data_root": "/my data", "train.ann_file": "a b.json", "classes": ["cell"]}
    cfg = read(ROOT / "configs/detection/faster_rcnn_r18_own.py", options)
    dataset = cfg.train_dataloader.dataset
    assert (dataset.data_root, dataset.ann_file) == ("/my data/", "a b.json")
    assert cfg.val_evaluator.ann_file == "/my data/val.json"  # the file adds the strings up
    assert cfg.model.roi_head.bbox_head.num_classes == 1


def test_variables_of_upstream_configs_work(tmp_path):
    (tmp_path / "a.py").write_text("_base_ = 'mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py'\n")
    cfg = read(tmp_path / "a.py", {"max_epochs": 30, "data_root": "coco"})
    assert cfg.train_cfg.max_epochs == 30
    assert cfg.train_cfg.dynamic_intervals == [(10, 1)]  # max_epochs - stage2_num_epochs
    assert cfg.val_evaluator.ann_file == "coco/annotations/instances_val2017.json"


CHILD = """
_base_ = "base.py"
width: int = 8
width += 1
if True:
    depth, height = 2, 3
for index in range(2):
    last = index
def double(width):
    width = 2 * width
    return width
model = dict(width=width, doubled=double(width), depth=depth, height=height, last=last)
from_base = dict(size=_base_.size, word={{_base_.word}}, sizes={{_base_.sizes}})
"""


@pytest.fixture
def files(tmp_path):
    base = "size = 3\nsizes = [size, 5]\nword = 'a'\nsteps = [dict(x=1), dict(x=size)]\n"
    (tmp_path / "base.py").write_text(base)
    (tmp_path / "child.py").write_text(CHILD)
    return tmp_path / "child.py"


def test_every_kind_of_assignment_is_followed(files):
    options = {"width": 5, "height": 7, "last": 9, "size": 4, "steps.1.x": 6}
    cfg = read(files, options)
    assert cfg.model == {"width": 5, "doubled": 10, "depth": 2, "height": 7, "last": 9}
    assert cfg.from_base == {"size": 4, "word": "a", "sizes": [4, 5]}
    assert cfg.steps == [{"x": 1}, {"x": 6}]
    assert read(files, {}).model.width == 9  # nothing is left of the options before


def test_variables_of_a_config_in_pure_python_work(tmp_path):
    (tmp_path / "base.py").write_text("epochs = 12\ntrain = dict(max_epochs=epochs)\n")
    (tmp_path / "child.py").write_text(
        "from mmengine.config import read_base\nwith read_base():\n    from .base import *\n"
        "train.update(end=epochs)\n"
    )
    assert read(tmp_path / "child.py", {"epochs": 6}).train == {"max_epochs": 6, "end": 6}


def test_data_preprocessor_reaches_the_model_that_has_taken_it(tmp_path):
    config = tmp_path / "a.py"
    config.write_text("data_preprocessor = dict(std=1)\nmodel = dict(pre=data_preprocessor)\n")
    cfg = read(config, {"data_preprocessor.std": 2})
    assert cfg.model.pre.std == cfg.data_preprocessor.std == 2


def test_what_a_run_reads_is_merged_as_mmengine_does(tmp_path):
    config = tmp_path / "a.py"
    config.write_text("val_dataloader = dict(batch_size=2)\ntest_dataloader = val_dataloader\n")
    cfg = read(config, {"val_dataloader.batch_size": 1, "channels_last": False})
    assert (cfg.val_dataloader.batch_size, cfg.test_dataloader.batch_size) == (1, 2)
    assert cfg.channels_last is False


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"max_epochs": 6}, "has no variable max_epochs, and no run reads it. Set train_cfg."),
        ({"batch_size": 6}, "Set train_dataloader.batch_size or test_dataloader.batch_size"),
        ({"optim_wraper.optimizer.lr": 1}, "Did you mean optim_wrapper?"),
        ({"train_cfg.max_epochs.x": 6}, "x: train_cfg.max_epochs is 200, which has no x"),
        ({"param_scheduler.7.type": "A"}, "param_scheduler has the entries 0 to "),
        (
            {"data_preprocessor.mean.0": 1},
            "entries of data_preprocessor.mean cannot be set separately",
        ),
        ({"train_cfg.list.0.x": 1}, "there is no list train_cfg.list with an entry 0"),
        ({"param_scheduler.0": 1}, "entries of param_scheduler cannot be set separately"),
        ({"default_scope": 1}, "default_scope: 1 is no package, such as mmdet"),
        ({"param_scheduler": 1}, "param_scheduler: 1 cannot replace a dict"),
        ({"model.backbone": "ResNet"}, "set model.backbone.KEY=VALUE, or None"),
    ],
)
def test_an_option_without_effect_is_refused(option, message):
    config = ROOT / "configs/simsiam_decomp/simsiam_r18_cifar10_lr003_200e.py"
    with pytest.raises(UsageError) as refused:
        read(config, option)
    assert message in str(refused.value)


def test_a_variable_that_the_model_has_taken_is_refused():
    with pytest.raises(UsageError, match=r"Set model\.data_preprocessor"):
        read(ROOT / "configs/detection/faster_rcnn_r18_bccd.py", {"data_preprocessor.mean": 1})


def test_without_options_a_config_is_what_mmengine_reads():
    config = ROOT / "configs/detection/faster_rcnn_r18_own.py"
    expected = Config.fromfile(config, import_custom_modules=False)
    assert read(config, None).to_dict() == expected.to_dict()
