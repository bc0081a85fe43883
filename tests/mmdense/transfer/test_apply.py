"""Loading is all or nothing, by function, by hook and by ``init_cfg``; and what it reports."""

import json
from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import MODELS
from safetensors.torch import save_file
from torch import nn

from mmdense.transfer.apply import (
    IncompatibleCheckpointError,
    LoadBackboneHook,
    load_backbone,
    load_model,
)
from mmdense.transfer.plan import PlannedWeight, Status
from mmdense.transfer.report import TransferReport
from mmdense.transfer.silent_mismatch import SilentMismatch
from mmdense.transfer.strict_pretrained import StrictPretrained
from tests.mmdense.transfer.transfer_cases import (
    ARCH,
    PATCH_SIZES,
    SIZES,
    assert_equal_weights,
    saved,
    small_resnet,
    vit,
)
from tests.references import published_weights as published
from tools import transfer


class Detector(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.backbone = small_resnet()
        self.fc_cls = nn.Linear(4, classes)


def runner(model, hooks, work_dir, iteration=0):
    return SimpleNamespace(model=model, iter=iteration, hooks=hooks, work_dir=str(work_dir))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent.pth"):
        load_backbone(small_resnet(), tmp_path / "absent.pth")
    with pytest.raises(FileNotFoundError, match="absent.pth"):
        LoadBackboneHook(str(tmp_path / "absent.pth"))


def test_safetensors_are_read(tmp_path):
    save_file(published.timm_vit(), tmp_path / "vit.safetensors")
    assert load_backbone(vit(), tmp_path / "vit.safetensors").covered == 1


def test_names_that_mmengine_resolves_are_read_by_it(monkeypatch):
    source, target, asked = small_resnet(), small_resnet(), []

    def load(filename, map_location=None, logger="current"):
        asked.append(filename)
        return source.state_dict()

    monkeypatch.setattr("mmengine.runner.CheckpointLoader.load_checkpoint", load)
    load_backbone(target, "torchvision://resnet18")
    assert asked == ["torchvision://resnet18"]
    assert torch.equal(target.conv1.weight, source.conv1.weight)
    LoadBackboneHook("open-mmlab://resnet50_caffe")  # not looked for as a file


def test_a_whole_model_is_loaded_or_refused(tmp_path):
    source, target = Detector(), Detector()
    path = saved(tmp_path, {"state_dict": published.under("module.", source.state_dict())})
    assert load_model(target, path).covered == 1
    assert_equal_weights(target.state_dict(), source.state_dict())
    with pytest.raises(IncompatibleCheckpointError, match="wrong shape: fc_cls.weight"):
        load_model(Detector(classes=5), path)
    assert 0.99 < load_model(Detector(classes=5), path, allow=["fc_cls.*"]).covered < 1
    path = saved(tmp_path, {"model": "resnet18", **source.state_dict()})
    assert load_model(Detector(), path).covered == 1


@pytest.mark.parametrize("option", [{"branch": "teacher"}, {"grid": (3, 3)}])
def test_options_without_effect_on_a_whole_model_are_refused(tmp_path, option):
    path = saved(tmp_path, {"state_dict": Detector().state_dict()})
    with pytest.raises(ValueError, match=f"whole model, so {next(iter(option))} has no"):
        load_model(Detector(), path, **option)


def test_a_whole_model_has_a_branch_and_mismatches(tmp_path):
    source = Detector()
    average = {"steps": torch.tensor(3), **published.under("module.", source.state_dict())}
    content = {"state_dict": source.state_dict(), "ema_state_dict": average}
    assert load_model(Detector(), saved(tmp_path, content)).branch == "ema"
    content["meta"] = {"cfg": "model = dict(backbone=dict(type='ResNet', style='caffe'))"}
    with pytest.raises(IncompatibleCheckpointError, match="style: trained with style='caffe'"):
        load_model(Detector(), saved(tmp_path, content))


@pytest.mark.parametrize("branch", ["student", "teacher"])
def test_a_file_of_a_backbone_fills_the_backbone_of_a_model(tmp_path, branch):
    source, target = small_resnet(), Detector()
    content = {branch: published.under("backbone.", source.state_dict()), "epoch": 1}
    assert load_model(target, saved(tmp_path, content)).branch == branch
    assert torch.equal(target.backbone.conv1.weight, source.conv1.weight)


@pytest.mark.parametrize(("iteration", "loads"), [(0, True), (7, False)])
@pytest.mark.parametrize("module", ["backbone", ""])
def test_the_hook_loads_at_the_start_but_not_after_a_resume(tmp_path, iteration, loads, module):
    source, model = small_resnet(), Detector()
    path = saved(tmp_path, {"state_dict": published.under("backbone.", source.state_dict())})
    hooks = [LoadBackboneHook(str(path), module=module) for _ in range(2)]
    for hook in hooks:
        hook.before_train(runner(model, hooks, tmp_path, iteration))
    assert torch.equal(model.backbone.conv1.weight, source.conv1.weight) == loads
    assert (tmp_path / "transfer.json").exists() == loads
    if loads:
        reports = json.loads((tmp_path / "transfer.json").read_text())
        assert [report["covered"] for report in reports] == [1.0, 1.0]
        assert reports[0]["source"] == f"<outside>/{path.name}"
        assert str(tmp_path) not in json.dumps(reports)
        assert reports[0]["entries"][0] == ["conv1.weight", "matched", 8 * 3 * 7 * 7, ""]


@pytest.mark.parametrize("branch", ["ema", "student"])
def test_every_way_to_load_takes_a_branch(tmp_path, monkeypatch, capsys, branch):
    models = {"student": small_resnet(), "ema": small_resnet()}
    weights = {name: model.state_dict() for name, model in models.items()}
    content = {"state_dict": weights["student"], "model_ema": weights["ema"]}
    path, initialised, hooked = str(saved(tmp_path, content)), small_resnet(), Detector()
    StrictPretrained(path, branch=branch)(initialised)
    hook = LoadBackboneHook(path, branch=branch)
    hook.before_train(runner(hooked, [hook], tmp_path))
    for backbone in (initialised, hooked.backbone):
        assert_equal_weights(backbone.state_dict(), weights[branch])
    config = tmp_path / "a.py"
    config.touch()
    monkeypatch.setattr("sys.argv", ["transfer.py", path, "--to", str(config), "--branch", branch])
    monkeypatch.setattr("mmdense.transfer.convert.convert", lambda *_, branch, **__: [branch])
    assert transfer.main() == 0 and capsys.readouterr().out == f"{branch}\n"


TARGETS = {
    "mmpretrain.VisionTransformer": {**PATCH_SIZES, "arch": ARCH},
    "mmseg.VisionTransformer": {**PATCH_SIZES, **SIZES, "final_norm": True, "patch_bias": True},
    "mmseg.MAE": {**PATCH_SIZES, **SIZES, "init_values": 1.0},
    "mmdet.ResNet": {"depth": 18, "stem_channels": 8, "base_channels": 8},
    "mmpretrain.ResNet": {"depth": 18, "stem_channels": 8, "base_channels": 8},
}


@pytest.mark.parametrize("name", TARGETS)
def test_init_cfg_loads_strictly_and_nothing_random_follows(tmp_path, name):
    weights = small_resnet().state_dict() if "ResNet" in name else published.timm_vit()
    init_cfg = {"type": "StrictPretrained", "checkpoint": str(saved(tmp_path, weights))}
    backbone, expected = (MODELS.build({"type": name, **TARGETS[name]}) for _ in range(2))
    load_backbone(expected, init_cfg["checkpoint"])
    backbone.init_cfg = init_cfg
    backbone.init_weights()
    assert_equal_weights(backbone.state_dict(), expected.state_dict())


def test_init_cfg_refuses_before_anything_is_trained(tmp_path):
    path = str(saved(tmp_path, published.timm_vit(depth=1)))
    backbone = vit(init_cfg={"type": "StrictPretrained", "checkpoint": path})
    with pytest.raises(IncompatibleCheckpointError, match=r"missing: layers.1.ln1.weight"):
        backbone.init_weights()


def report_of(*entries, mismatches=(), allowed=()):
    schemes = ("theirs", "ours")
    return TransferReport("a.pth", "x", "ema", schemes, "Net", entries, mismatches, allowed)


MATCHED = PlannedWeight("a", Status.MATCHED, 9996)


def test_a_report_never_rounds_up():
    report = report_of(MATCHED, PlannedWeight("b", Status.FILLED, 4))
    assert report.covered == 0.9996
    assert "Net: 99.9 % of the weights loaded from a.pth (x, ema)" in str(report)
    assert "99.9 % of the weights" in report.table()


def test_faults_are_those_that_are_not_allowed():
    missing = [PlannedWeight(f"m.{i}", Status.MISSING, 1, "note") for i in range(8)]
    mismatch = SilentMismatch("heads", "num_heads", 6, 8, "config in the file")
    report = report_of(MATCHED, *missing, mismatches=[mismatch], allowed=["m.[01]"])
    first, second = report.faults()
    assert first == "missing: " + ", ".join(f"m.{i} (note)" for i in range(2, 8))
    assert second == f"heads: {mismatch}"
    assert report_of(*missing).faults()[0].endswith("m.5 (note) and 2 more")
    assert report_of(*missing, mismatches=[mismatch], allowed=["m*", "heads"]).faults() == []


def test_the_json_of_a_report():
    mismatch = SilentMismatch("style", "style", "caffe", "pytorch", "config in the file")
    report = report_of(MATCHED, mismatches=[mismatch], allowed=("b",))
    found = json.loads(json.dumps(report.as_json()))
    assert found.pop("entries") == [["a", "matched", 9996, ""]]
    assert found.pop("summary") == str(report)
    assert found.pop("doubts") == {"style": str(mismatch)}
    assert list(found.values()) == ["a.pth", "x", "ema", ["theirs", "ours"], "Net", ["b"], 1.0]
