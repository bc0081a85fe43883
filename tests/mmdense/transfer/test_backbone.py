"""What does not fit ends the load, says so, and leaves the backbone as it was."""

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
import json
import pickle
import struct

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from mmdense.checkpoints.read import UnsafeCheckpointError
from mmdense.transfer.backbone import LoadBackboneHook, load_backbone, load_model
from mmdense.transfer.report import Entry
from tests.mmdense.transfer.test_dialects import mm_swin, mmseg_vit, vit
from tests.mmdense.transfer.transfer_cases import refused, saved, small_resnet
from tests.references import published_weights as published


def test_a_missing_table_of_positions_is_missed(tmp_path):
    weights = published.timm_vit()
    del weights["pos_embed"]
    refused(vit(), saved(tmp_path, weights), "missing: pos_embed")


@pytest.mark.parametrize("lost", ["attn.qkv.bias", "ls1.gamma"])
def test_a_weight_that_got_lost_is_not_filled_in(tmp_path, lost):
    weights = published.timm_vit(layer_scale=True)
    del weights[f"blocks.1.{lost}"]
    path = saved(tmp_path, weights)
    refused(vit(layer_scale_init_value=1e-5), path, r"missing: layers.1.attn.\w+")
    if lost == "attn.qkv.bias":
        del weights[f"blocks.0.{lost}"]
        refused(vit(layer_scale_init_value=1e-5), saved(tmp_path, weights), "missing: layers.0")


def test_values_that_are_filled_in_are_not_counted_as_loaded_and_nothing_is_rounded_up(tmp_path):
    target = vit(layer_scale_init_value=1e-5)
    report = load_backbone(target, saved(tmp_path, published.timm_vit()))
    filled = sum(entry.numbers for entry in report.entries if entry.status == "filled")
    assert filled == 2 * published.DEPTH * published.WIDTH
    needed = sum(value.numel() for value in target.state_dict().values())
    assert report.covered == pytest.approx(1 - filled / needed)
    entries = [Entry("a", "matched", 9996), Entry("b", "missing", 4)]
    assert "99.9 %" in str(report._replace(entries=entries))
    assert "  99.9 % of what" in report._replace(entries=entries).table()


def test_names_can_be_allowed_to_miss(tmp_path):
    weights = published.timm_vit()
    del weights["pos_embed"]
    report = load_backbone(vit(), saved(tmp_path, weights), allow=["pos_*"])
    assert 0.9 < report.covered < 1


def test_an_error_page_is_no_checkpoint(tmp_path):
    path = tmp_path / "resnet50.pth"
    path.write_text("<!DOCTYPE html><html><body>404 Not Found</body></html>")
    refused(small_resnet(), path, "no checkpoint; take another copy")


def test_a_truncated_file_is_told(tmp_path):
    path = saved(tmp_path, small_resnet().state_dict())
    path.write_bytes(path.read_bytes()[:5000])
    refused(small_resnet(), path, "is cut off")


class _Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_hostile_pickle_runs_nothing(tmp_path):
    path = saved(
        tmp_path, {"state_dict": small_resnet().state_dict(), "x": _Hostile(tmp_path / "a")}
    )
    with pytest.raises(UnsafeCheckpointError):
        load_backbone(small_resnet(), path)
    plain = tmp_path / "plain.pth"
    plain.write_bytes(pickle.dumps({"x": _Hostile(tmp_path / "b")}))
    with pytest.raises(ValueError):
        load_backbone(small_resnet(), plain)
    header = b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}'
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(ValueError, match="cut off"):
        load_backbone(small_resnet(), cut)
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()


def test_a_deeper_network_with_equal_shapes_is_refused(tmp_path):
    path = saved(tmp_path, published.timm_vit(depth=3))
    refused(vit(), path, "left over: blocks.2.")
    path = saved(tmp_path, small_resnet(depth=34).state_dict())
    refused(small_resnet(depth=18), path, "left over: layer1.2.")
    path = saved(tmp_path, small_resnet().state_dict())
    refused(small_resnet(depth=34), path, "missing: layer1.2.")


def test_stages_that_the_target_does_not_build_are_not_needed(tmp_path):
    path = saved(tmp_path, small_resnet().state_dict())
    three = small_resnet(num_stages=3, out_indices=(2,), strides=(1, 2, 2), dilations=(1, 1, 1))
    report = load_backbone(three, path)
    unneeded = {
        entry.name.split(".")[0] for entry in report.entries if entry.status == "not needed"
    }
    assert report.covered == 1 and unneeded == {"layer4"}


def test_another_width_is_refused(tmp_path):
    path = saved(tmp_path, small_resnet().state_dict())
    text = refused(small_resnet(width=4), path, r"wrong shape: conv1.weight \(\[8, 3, 7, 7\] to")
    assert "Build the model with the depth, width" in text


def test_another_family_is_refused(tmp_path):
    path = saved(tmp_path, published.timm_vit())
    refused(small_resnet(), path, r"holds a timm ViT .*ResNet is of another family, resnet")


def test_tokens_that_the_target_lacks_are_not_dropped_in_silence(tmp_path):
    path = saved(tmp_path, published.dinov2(registers=4))
    refused(vit(layer_scale_init_value=1e-5), path, "left over: reg_token")
    path = saved(tmp_path, published.deit_distilled())
    refused(vit(), path, "left over: dist_token")
    assert load_backbone(vit(), path, allow=["dist_token"]).covered == 1


def test_norms_of_the_outputs_of_a_detector_are_missed_until_they_are_named(tmp_path):
    path = saved(tmp_path, mm_swin().state_dict())
    four = mm_swin_of_four()
    refused(four, path, "missing: norm0.weight, norm0.bias, norm1.weight")
    report = load_backbone(four, path, allow=["norm[012].*"])
    assert report.covered < 1 and not report.faults()


def mm_swin_of_four():
    sizes = {"embed_dims": 16, "depths": [2, 2, 2, 2], "num_heads": [1, 2, 4, 8], "window_size": 2}
    return MODELS.build({"type": "mmdet.SwinTransformer", **sizes})


def test_a_vit_with_windows_keeps_positions_as_a_grid(tmp_path):
    weights = published.timm_vit()
    path = saved(tmp_path, weights)
    sizes = {"embed_dims": 32, "num_layers": 2, "num_heads": 2, "feedforward_channels": 128}
    cfg = {"arch": {**sizes, "global_attn_indexes": [1]}, "patch_size": 4, "out_channels": 0}
    sam = MODELS.build({"type": "mmpretrain.ViTSAM", "img_size": (12, 24), **cfg})
    refused(sam, path, "left over: cls_token")
    assert load_backbone(sam, path, allow=["cls_token"]).covered > 0.96  # rel_pos: zeros
    assert sam.pos_embed.shape == (1, 3, 6, 32)
    assert not sam.layers[0].attn.rel_pos_h.any()
    same = MODELS.build({"type": "mmpretrain.ViTSAM", "img_size": 12, **cfg})
    load_backbone(same, path, allow=["cls_token"])
    assert torch.equal(same.pos_embed.flatten(1, 2), weights["pos_embed"][:, 1:])
    again = MODELS.build({"type": "mmpretrain.ViTSAM", "img_size": 12, **cfg})
    load_backbone(again, saved(tmp_path, same.state_dict()))
    assert torch.equal(again.pos_embed, same.pos_embed)


def test_an_unknown_family_is_matched_by_its_names(tmp_path):
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    path = saved(tmp_path, {"state_dict": published.under("module.backbone.", net.state_dict())})
    other = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    assert load_backbone(other, path).covered == 1
    assert torch.equal(other[1].weight, net[1].weight)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.pth"):
        load_backbone(nn.Linear(1, 1), tmp_path / "nothing.pth")
    with pytest.raises(FileNotFoundError, match=r"nothing.pth"):
        LoadBackboneHook(str(tmp_path / "nothing.pth"))


def test_a_file_without_tensors_is_named(tmp_path):
    path = saved(tmp_path, {"meta": {"epoch": 1}})
    refused(nn.Linear(1, 1), path, "holds no backbone")


def test_names_that_mmengine_resolves_are_read_by_it(monkeypatch, tmp_path):
    source, asked = small_resnet(), []

    def load(filename, map_location=None, logger="current"):
        asked.append(filename)
        return source.state_dict()

    monkeypatch.setattr("mmengine.runner.CheckpointLoader.load_checkpoint", load)
    target = small_resnet()
    load_backbone(target, "torchvision://resnet18")
    assert asked == ["torchvision://resnet18"]
    assert torch.equal(target.conv1.weight, source.conv1.weight)
    LoadBackboneHook("open-mmlab://resnet50_caffe")


class Detector(nn.Module):
    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.backbone = small_resnet()
        self.fc_cls = nn.Linear(4, classes)


def test_a_whole_model_is_filled_or_refused(tmp_path):
    source = Detector()
    path = saved(tmp_path, {"state_dict": published.under("module.", source.state_dict())})
    target = Detector()
    assert load_model(target, path).covered == 1
    assert torch.equal(target.fc_cls.weight, source.fc_cls.weight)
    with pytest.raises(ValueError, match="wrong shape: fc_cls.weight"):
        load_model(Detector(classes=5), path)
    assert 0.99 < load_model(Detector(classes=5), path, allow=["fc_cls.*"]).covered < 1


@pytest.mark.parametrize("option", [{"branch": "teacher"}, {"grid": (3, 3)}])
def test_options_without_effect_on_a_whole_model_are_refused(tmp_path, option):
    path = saved(tmp_path, {"state_dict": Detector().state_dict()})
    with pytest.raises(
        ValueError, match=f"file.pth holds the whole model.*{next(iter(option))} has"
    ):
        load_model(Detector(), path, **option)


def test_a_whole_model_is_asked_for_its_doubts_and_tells_an_average(tmp_path):
    source = Detector()
    meta = {"cfg": "model = dict(backbone=dict(type='ResNet', style='caffe'))"}
    average = {"steps": torch.tensor(3), **published.under("module.", source.state_dict())}
    content = {"state_dict": source.state_dict(), "ema_state_dict": average}
    assert load_model(Detector(), saved(tmp_path, content)).branch == "ema"
    path = saved(tmp_path, {**content, "meta": meta})
    with pytest.raises(ValueError, match="style: its config says style='caffe'"):
        load_model(Detector(), path)


def test_a_file_whose_model_is_a_name_is_read_all_the_same(tmp_path):
    path = saved(tmp_path, {"model": "resnet18", **Detector().state_dict()})
    assert load_model(Detector(), path).covered == 1


def test_a_file_of_a_backbone_fills_the_backbone_of_a_model(tmp_path):
    source = small_resnet()
    path = saved(tmp_path, published.simsiam(source.state_dict()))
    target = Detector()
    load_model(target, path)
    assert torch.equal(target.backbone.conv1.weight, source.conv1.weight)
    nested = {"teacher": published.under("backbone.", source.state_dict()), "epoch": 1}
    again = Detector()
    assert load_model(again, saved(tmp_path, nested)).branch == "teacher"
    assert torch.equal(again.backbone.conv1.weight, source.conv1.weight)


class _Runner:
    def __init__(self, model, iteration, hooks, work_dir):
        self.model = model
        self.iter = iteration
        self.hooks, self.work_dir = hooks, work_dir


@pytest.mark.parametrize(("iteration", "loads"), [(0, True), (7, False)])
@pytest.mark.parametrize("module", ["backbone", ""])
def test_the_hook_loads_at_the_start_but_not_after_a_resume(tmp_path, iteration, loads, module):
    source, model = small_resnet(), Detector()
    path = saved(tmp_path, {"state_dict": published.under("backbone.", source.state_dict())})
    hooks = [LoadBackboneHook(str(path), module=module) for _ in range(2)]
    for hook in hooks:
        hook.before_train(_Runner(model, iteration, hooks, tmp_path))
    assert torch.equal(model.backbone.conv1.weight, source.conv1.weight) == loads
    assert (tmp_path / "transfer.json").exists() == loads
    if loads:
        reports = json.loads((tmp_path / "transfer.json").read_text())
        assert [report["covered"] for report in reports] == [1.0, 1.0]
        assert reports[0]["source"] == f"<outside>/{path.name}"
        assert str(tmp_path) not in json.dumps(reports)
        assert reports[0]["entries"][0][:2] == ["conv1.weight", "matched"]


def test_the_table_names_what_was_done(tmp_path):
    big = published.timm_vit(positions=26, layer_scale=True)
    report = load_backbone(mmseg_vit(), saved(tmp_path, {"teacher": published.under("b.", big)}))
    table = report.table()
    assert "pos_embed (5 x 5 to 3 x 3 patches, 1 to 1 tokens)" in table
    assert "layers.0.attn.attn.out_proj.weight (times LayerScale)" in table
    assert "100.0 % of what the target needs came from the file" in table
    assert str(report).startswith("VisionTransformer: 100.0 % from ")
