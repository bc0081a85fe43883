from pathlib import Path

import pytest
from mmengine.config import Config

import mmdense  # noqa: F401  (configs inherit `mmseg::`, which the import makes possible)
from mmdense.config.origin import COMMAND_LINE, is_lazy, trace

ROOT = Path(__file__).resolve().parents[3]
# One of each folder; tests/mmdense/config/test_check.py reads them all.
CONFIGS = [
    min(folder.glob("*_*.py"))
    for folder in sorted((ROOT / "configs").iterdir())
    if folder.name != "_base_"
]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_what_is_traced_is_what_mmengine_reads(path):
    expected = Config.fromfile(path, import_custom_modules=False)
    traced = trace(path)
    assert traced.config._cfg_dict == expected._cfg_dict
    assert traced.config.pretty_text == expected.pretty_text
    assert all(traced.origins.of((key,)) for key in expected)
    assert Path(traced.files[-1]) == path.absolute()


@pytest.fixture
def chain(tmp_path, monkeypatch):
    """base.py <- middle.py <- leaf.py, read from their folder."""
    monkeypatch.chdir(tmp_path)
    Path("base.py").write_text(
        "model = dict(depth=18, neck=dict(width=64, levels=5), steps=[1, dict(a=1, b=2)])\n"
        "optimizer = dict(type='SGD', lr=0.1)\n"
        "epochs = 3\n"
    )
    Path("middle.py").write_text(
        "_base_ = 'base.py'\n"
        "model = dict(neck=dict(width=32))\n"
        "optimizer = dict(_delete_=True, type='AdamW')\n"
        "taken = _base_.model.depth\n"
        "template = {{_base_.epochs}}\n"
    )
    Path("leaf.py").write_text("_base_ = ['middle.py']\nmodel = dict(depth=18)\n")
    return Path("leaf.py")


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("model", "base.py"),
        ("model.depth", "leaf.py"),  # written again, with the value that it had
        ("model.neck", "base.py"),
        ("model.neck.width", "middle.py"),
        ("model.neck.levels", "base.py"),
        ("optimizer.type", "middle.py"),  # _delete_ took all that was there
        ("taken", "middle.py"),
        ("template", "middle.py"),
        ("epochs", "base.py"),
        ("absent", None),
    ],
)
def test_each_value_has_the_file_that_wrote_it_last(chain, path, origin):
    assert trace(chain).origins.of(tuple(path.split("."))) == origin


def test_a_dictionary_that_replaces_another_has_one_origin(chain):
    chain.write_text("_base_ = ['middle.py']\nmodel = dict(neck=dict(_delete_=True, width=1))\n")
    traced = trace(chain)
    assert traced.config.model.neck == {"width": 1}
    assert traced.origins.of(("model", "neck", "width")) == "leaf.py"


def test_options_reach_into_lists(chain):
    options = {"model.steps.1.b": 7, "optimizer.lr": 0.5}
    traced = trace(chain, options)
    expected = Config.fromfile(chain)
    expected.merge_from_dict(options)
    assert traced.config._cfg_dict == expected._cfg_dict
    origins = traced.origins
    assert origins.of(("model", "steps", 1, "b")) == COMMAND_LINE
    assert origins.of(("model", "steps", 1, "a")) == "base.py"
    assert origins.of(("optimizer", "lr")) == COMMAND_LINE
    assert origins.of(("optimizer", "type")) == "middle.py"


def test_a_config_of_an_installed_package_is_named_as_it_is_inherited(tmp_path):
    config = tmp_path / "child.py"
    config.write_text(
        "_base_ = ['mmdet::_base_/default_runtime.py', 'mmseg::_base_/models/fpn_r50.py']\n"
    )
    origins = trace(config).origins
    assert origins.of(("log_level",)) == "mmdet::_base_/default_runtime.py"
    assert origins.of(("model", "backbone", "depth")) == "mmseg::_base_/models/fpn_r50.py"


def test_mmengine_is_left_as_it_was_even_after_an_error(tmp_path):
    before = Config._file2dict, Config._merge_a_into_b
    config = tmp_path / "broken.py"
    config.write_text("_base_ = 'absent.py'\n")
    with pytest.raises(FileNotFoundError):
        trace(config)
    assert (Config._file2dict, Config._merge_a_into_b) == before


def test_a_config_in_pure_python_is_refused_with_the_reason(tmp_path):
    config = tmp_path / "lazy.py"
    config.write_text("from mmengine.hooks import Hook\nhook = dict(type=Hook)\n")
    assert is_lazy(config)
    with pytest.raises(ValueError, match="pure Python"):
        trace(config)
