"""Configs for fine-tuning self-supervised backbones: published weights, rates and batches."""

import re
from copy import deepcopy
from functools import cache
from types import SimpleNamespace

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner

import projects.cascade_rpn  # noqa: F401 (the suites name its head)
from mmdense.config.options import parse_value, read_config
from mmdense.config.upstream_defaults import replace_sync_bn
from mmdense.transfer.apply import LoadBackboneHook, load_backbone
from tests.references import published_weights as published
from tests.small_training import ROOT, changed
from tests.test_dataset_configs import class_map, voc, write_image

FOLDER = ROOT / "configs" / "downstream"
NAMES = [
    path.stem
    for path in sorted(FOLDER.glob("*.py"))
    if not path.stem.startswith("suite_")  # lists of these configs
    if path.stem.endswith(("_coco", "_voc0712", "_ade20k"))
]
SUITES = {name: Config.fromfile(FOLDER / f"suite_{name}.py") for name in ("coco", "ade20k")}
# Variants whose backbone no config has.
VARIANTS = {
    variant.name: variant
    for suite in SUITES.values()
    for variant in suite.variants
    if "backbone" in variant.changes.model
}


@cache
def read(name):
    return Config.fromfile(FOLDER / f"{name}.py")


def config(name):
    """A copy, for one CPU."""
    if name in VARIANTS:
        cfg = changed(Config.fromfile(ROOT / VARIANTS[name].base), VARIANTS[name].changes)
    else:
        cfg = deepcopy(read(name))
    replace_sync_bn(cfg.model)
    return cfg


def build(cfg):
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        return MODELS.build(cfg.model)


@pytest.mark.parametrize("name", NAMES)
def test_fine_tuning_is_as_documented(name):
    cfg, docstring = read(name), (FOLDER / f"{name}.py").read_text()
    # It downloads nothing.
    model, backbone = cfg.model, cfg.model.backbone
    assert not (backbone.get("init_cfg") or model.get("pretrained") or cfg.get("load_from"))
    assert not (model.get("roi_head", {}).get("shared_head") or {}).get("init_cfg")
    # The learning rate scales from the documented batch.
    gpus, images = map(int, re.search(r"(\d) GPUs with (\d) images each", docstring).groups())
    assert cfg.train_dataloader.batch_size == images
    assert cfg.auto_scale_lr == {"enable": False, "base_batch_size": gpus * images}
    # A ResNet trains with the statistics of all GPUs.
    if "_r50_" in name:
        assert backbone.norm_cfg == {"type": "SyncBN", "requires_grad": True}
        assert not backbone.norm_eval and backbone.get("frozen_stages", -1) == -1
        assert backbone.type == "ResNet" and backbone.style == "pytorch"
    decay = {
        "mask_rcnn_vit_s_simple_1x_coco": 0.7,
        "upernet_vit_b_160k_ade20k": 0.65,
        "upernet_vit_s_160k_ade20k": 0.75,
    }.get(name)
    assert cfg.optim_wrapper.get("constructor") == (decay and "mmdense.LayerDecay")
    assert cfg.optim_wrapper.get("paramwise_cfg", {}).get("layer_decay_rate") == decay


def test_the_documented_options_train_twice_as_long_and_freeze():
    options = dict(
        word.split("=", 1)
        for line in (ROOT / "docs/transfer.md").read_text().splitlines()
        if line.startswith(("| Mask R-CNN for 24 epochs", "| frozen ResNet-50"))
        for word in line.split("`")[1].removeprefix("--cfg-options ").split()
    )
    path = FOLDER / "mask_rcnn_r50_fpn_1x_coco.py"
    cfg = read_config(path, {key: parse_value(text) for key, text in options.items()})
    assert cfg.train_cfg.max_epochs == cfg.param_scheduler[1].end == 24
    assert cfg.param_scheduler[1].milestones == [16, 22]
    with torch.device("meta"):
        backbone = build(cfg).backbone
    backbone.train()
    assert not any(weight.requires_grad for weight in backbone.parameters())
    norms = [part for part in backbone.modules() if "Norm" in type(part).__name__]
    assert norms and not any(norm.training for norm in norms)


def stored(shapes):
    """One number each, however many the shape needs: the file stays small."""
    return {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}


def resnet_50():
    from torchvision.models import resnet50

    with torch.device("meta"):
        state = resnet50().state_dict()
    state = stored({name: value.shape for name, value in state.items()})
    return {"state_dict": published.under("module.encoder_q.", state)}  # MoCo's names


def vit(width, monkeypatch):
    monkeypatch.setattr(published, "WIDTH", width)
    monkeypatch.setattr(published, "draw", lambda shapes, seed: stored(shapes))
    weights = published.timm_vit(patch=16, positions=14 * 14 + 1, depth=12)
    return {"teacher": published.under("backbone.", weights)}  # DINO's names


@pytest.mark.parametrize("name", [*NAMES, *VARIANTS])
def test_takes_every_weight_of_a_published_checkpoint(name, tmp_path, monkeypatch):
    width = 768 if "vit_b_" in name else 384
    content = resnet_50() if "_r50_" in name else vit(width, monkeypatch)
    torch.save(content, tmp_path / "file.pth")
    with torch.device("meta"):
        model = build(config(name))
    learns = {parameter.requires_grad for parameter in model.backbone.parameters()}
    assert learns == {"_frozen_" not in name}
    if name in VARIANTS:
        allow = VARIANTS[name].get("allow", [])
    else:
        allow = re.findall(r"--allow (\S+)", (FOLDER / f"{name}.py").read_text())
    report = load_backbone(model.backbone, tmp_path / "file.pth", model=model, allow=allow)
    assert not report.faults()
    filled = {entry.name for entry in report.entries if entry.status == "filled"}
    assert all("rel_pos" in entry for entry in filled)  # windows have relative positions besides
    assert (report.covered == 1) != bool(filled) and bool(filled) == ("_simple" in name)
    if "_r50_" in name:
        taken = {entry.name for entry in report.entries if entry.status == "matched"}
        assert {"conv1.weight", "layer4.2.bn3.running_var"} <= taken
    left = {entry.name for entry in report.entries if entry.status == "left over"}
    assert left == set(allow) and bool(left) == ("_simple" in name)


def test_the_last_stage_of_c4_comes_from_the_file(tmp_path):
    """On the way that tools/train.py --init takes."""
    torch.save(resnet_50(), tmp_path / "file.pth")
    model = build(config("faster_rcnn_r50_c4_24k_voc0712"))
    assert model.roi_head.shared_head.layer4[0].conv1.weight.any()
    hook = LoadBackboneHook(str(tmp_path / "file.pth"))
    hook.before_train(SimpleNamespace(model=model, iter=0, hooks=[hook], work_dir=tmp_path))
    assert not model.roi_head.shared_head.layer4[0].conv1.weight.any()
    assert not model.backbone.layer3[0].conv1.weight.any()
    norm = model.roi_head.shared_head.norm
    assert norm.weight.min() == norm.weight.max() == 1


def test_a_batch_of_voc_comes_at_the_published_sizes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    voc(tmp_path / "data" / "voc" / "VOC2007", ("trainval", "test"))
    voc(tmp_path / "data" / "voc" / "VOC2012", ("trainval",))
    cfg = config("faster_rcnn_r50_c4_24k_voc0712")
    loaders = {"train": cfg.train_dataloader, "test": cfg.test_dataloader}
    sides = {}
    with DefaultScope.overwrite_default_scope("mmdet"):
        for split, loader in loaders.items():
            small = dict(batch_size=2, num_workers=0, persistent_workers=False)
            found = next(iter(Runner.build_dataloader({**loader, **small}, seed=0)))
            sides[split] = {min(image.shape[1:]) for image in found["inputs"]}
            assert all(len(one.gt_instances) == 1 for one in found["data_samples"])
        metric = Evaluator(cfg.test_evaluator).metrics[0]
    assert sides["train"] <= set(range(480, 801, 32)) and sides["test"] == {800}
    assert [int(100 * overlap) for overlap in metric.iou_thrs] == list(range(50, 100, 5))


def test_a_batch_of_ade20k_is_cropped_to_the_size_of_the_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for i in range(2):
        write_image(tmp_path / "data/ade20k/images/training" / f"{i}.jpg")
        class_map(tmp_path / "data/ade20k/annotations/training" / f"{i}.png")
    cfg = config("upernet_vit_s_160k_ade20k")
    with DefaultScope.overwrite_default_scope("mmseg"):
        small = dict(batch_size=2, num_workers=0, persistent_workers=False)
        found = next(iter(Runner.build_dataloader({**cfg.train_dataloader, **small}, seed=0)))
        fed = MODELS.build(cfg.model.data_preprocessor)(found, training=True)
    assert fed["inputs"].shape == (2, 3, 512, 512)
