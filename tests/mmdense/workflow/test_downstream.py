"""A suite trains the variants that a checkpoint fits, and gives reasons for the others."""

import mmdense  # noqa: F401 (first: it supplies what mmpretrain imports)

# isort: split
import pytest
import torch
from mmengine.config import Config
from mmpretrain.models import ResNet

from mmdense.workflow.downstream import SUITES, downstream_study, suite_file
from mmdense.workflow.study_stages import CHECKPOINT, check_variants, study_stages

SUITE = """
name = "s"
slug = "downstream"
task = "downstream"
seeds = [0]
data = [dict(name="bccd")]
variants = [
    dict(name="a", label="A", base="narrow.py", init="CHECKPOINT", against="random"),
    dict(name="b", label="B", base="wide.py", init="CHECKPOINT", against="wide_random"),
    dict(name="random", label="R", base="narrow.py"),
    dict(name="wide_random", label="W", base="wide.py"),
]
metrics = []
"""
CONFIG = """
_width = dict(stem_channels={0}, base_channels={0})
model = dict(backbone=dict(type="mmpretrain.ResNet", depth=18, **_width))
train_dataloader = dict(dataset=dict(type="x"))
"""


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suite.py").write_text(SUITE)
    (tmp_path / "narrow.py").write_text(CONFIG.format(8))
    (tmp_path / "wide.py").write_text(CONFIG.format(16))
    weights = ResNet(18, stem_channels=8, base_channels=8).state_dict()
    torch.save({f"backbone.{name}": value for name, value in weights.items()}, "ssl.pth")
    return "ssl.pth"


def test_what_fits_is_trained_beside_its_baseline(checkpoint, tmp_path):
    cfg, left_out = downstream_study(tmp_path / "suite.py", checkpoint, seeds=[0, 1], gpus=2)
    assert [variant.name for variant in cfg.variants] == ["a", "random"]
    assert list(left_out) == ["b"]
    assert "wrong shape: " in left_out["b"]
    check_variants(cfg, "suite")
    stages = study_stages(cfg, tmp_path / "work")
    assert [stage.options for stage in stages] == [("--init", "ssl.pth"), ()] * 2
    assert {stage.gpus for stage in stages} == {2}


def test_a_chosen_variant_may_change_the_backbone(checkpoint, tmp_path):
    narrow = "changes=dict(model=dict(backbone=dict(stem_channels=8, base_channels=8)))"
    (tmp_path / "suite.py").write_text(SUITE.replace('label="B",', f'label="B", {narrow},'))
    cfg, left_out = downstream_study(tmp_path / "suite.py", checkpoint, variants=["b"])
    assert [variant.name for variant in cfg.variants] == ["b", "wide_random"]
    assert left_out == {}
    with pytest.raises(ValueError, match="no variant c; it has a, b, random, wide_random"):
        downstream_study(tmp_path / "suite.py", checkpoint, variants=["c"])


def test_each_share_of_the_labels_has_its_own_baseline(checkpoint, tmp_path):
    cfg, _ = downstream_study(tmp_path / "suite.py", checkpoint, percents=[10, 100])
    found = {v.name: (v.get("percent", 100), v.get("against")) for v in cfg.variants}
    assert found == {
        "a_10": (10, "random_10"),
        "random_10": (10, None),
        "a": (100, "random"),
        "random": (100, None),
    }
    assert cfg.variants[0].label == "A, 10 % of the labels"
    check_variants(cfg, "suite")


def test_weights_that_may_be_missing_are_passed_on(checkpoint, tmp_path):
    weights = torch.load(checkpoint)
    del weights["backbone.conv1.weight"]
    torch.save(weights, checkpoint)
    allowed = ("--init", "ssl.pth", "--allow", "conv1.weight")
    cfg, _ = downstream_study(tmp_path / "suite.py", checkpoint, allow=["conv1.weight"])
    assert study_stages(cfg, tmp_path / "work")[0].options == allowed
    own = SUITE.replace('against="random"', 'against="random", allow=["conv1.weight"]')
    own = own.replace('base="wide.py", init', 'base="narrow.py", init')
    (tmp_path / "suite.py").write_text(own)
    cfg, left_out = downstream_study(tmp_path / "suite.py", checkpoint)
    assert list(left_out) == ["b"] and "conv1.weight" in left_out["b"]  # it allows nothing
    assert study_stages(cfg, tmp_path / "work")[0].options == allowed


def test_another_normalisation_is_refused(checkpoint, tmp_path):
    mean = 'data_preprocessor = dict(type="mmdet.DetDataPreprocessor", mean=[{0}], std=[60.0])'
    saved = {"state_dict": torch.load(checkpoint), "meta": {"cfg": mean.format("0.5")}}
    torch.save(saved, checkpoint)
    (tmp_path / "narrow.py").write_text(CONFIG.format(8) + mean.format("120.0"))
    with pytest.raises(ValueError, match="normalisation"):
        downstream_study(tmp_path / "suite.py", checkpoint)
    cfg, _ = downstream_study(tmp_path / "suite.py", checkpoint, allow=["normalisation"])
    assert cfg.variants[0].name == "a"


def test_bad_fractions_and_checkpoints_are_refused(checkpoint, tmp_path):
    for percents in ([250], [0], [10, 10]):
        with pytest.raises(ValueError, match="above 0 and up to 100"):
            downstream_study(tmp_path / "suite.py", checkpoint, percents=percents)
    (tmp_path / "narrow.py").write_text(CONFIG.format(4))
    with pytest.raises(ValueError, match=r"fits no backbone of .*suite.py:\n  a: .*\n  b: "):
        downstream_study(tmp_path / "suite.py", checkpoint)
    with pytest.raises(FileNotFoundError):
        downstream_study(tmp_path / "suite.py", "no.pth")


def test_a_suite_is_a_name_or_a_file(checkpoint, tmp_path):
    assert suite_file("small").name == "suite_small.py"
    assert suite_file(str(tmp_path / "suite.py")) == tmp_path / "suite.py"
    with pytest.raises(ValueError, match="no such suite: big.*small, coco, ade20k, voc"):
        suite_file("big")


@pytest.mark.parametrize("name", SUITES)
def test_every_suite_names_configs_that_are_there(name):
    cfg = Config.fromfile(suite_file(name))
    for variant in cfg.variants:
        if variant.get("init") == CHECKPOINT:
            variant.init = "ssl.pth"
    check_variants(cfg, name)
