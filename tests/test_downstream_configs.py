"""Configs for fine-tuning self-supervised backbones build, load, train a step, and say how."""

import re
from copy import deepcopy
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner
from mmengine.structures import InstanceData, PixelData

from mmdense.config.check import check_config
from mmdense.config.upstream_defaults import replace_sync_bn
from mmdense.transfer.apply import LoadBackboneHook, load_backbone
from tests.references import published_weights as published
from tests.test_dataset_configs import class_map, photo, voc

FOLDER = Path(__file__).resolve().parents[1] / "configs" / "downstream"
NAMES = [
    path.stem
    for path in sorted(FOLDER.glob("*.py"))
    if not path.stem.startswith("suite_")  # lists of these configs
    if path.stem.endswith(("_coco", "_voc0712", "_ade20k"))
]
SHORT = [name for name in NAMES if "_2x_" not in name]  # the others are these, trained longer
SIZE = 64
DEPTH, WIDTH = 4, 48  # of a transformer that trains here


@cache
def read(name):
    return Config.fromfile(FOLDER / f"{name}.py")


def config(name):
    """A copy, for one CPU."""
    cfg = deepcopy(read(name))
    replace_sync_bn(cfg.model)
    return cfg


def build(cfg):
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        return MODELS.build(cfg.model)


def replaced(node, old, new):
    """A node of a config where every number ``old`` is ``new``."""
    if isinstance(node, dict):
        return type(node)({key: replaced(value, old, new) for key, value in node.items()})
    if isinstance(node, list | tuple):
        return type(node)(replaced(value, old, new) for value in node)
    return new if node == old else node


def reduced(name):
    """Transformers of four narrow layers, small images, few proposals, regions and channels."""
    cfg = config(name)
    if "_vit_" in name:
        # Whoever says another width than the backbone's fails: only that one becomes narrow.
        cfg.model = replaced(cfg.model, 384 if "_vit_s_" in name else 768, WIDTH)
    backbone = cfg.model.backbone
    if "arch" in backbone:
        sizes = dict(embed_dims=WIDTH, num_layers=DEPTH, num_heads=2)
        backbone.arch = dict(sizes, feedforward_channels=2 * WIDTH, global_attn_indexes=[3])
        backbone.update(img_size=SIZE, drop_path_rate=0.0)  # a layer dropped would not move
        if backbone.get("frozen_stages"):
            backbone.frozen_stages = backbone.frozen_stages * DEPTH // 12
        if "out_indices" in backbone:
            backbone.out_indices = (0, 1, 2, 3)
    if backbone.type == "ResNet":
        backbone.zero_init_residual = False  # a branch of zeros would not move in the first step
    if "pad_size_divisor" in cfg.model.data_preprocessor:
        cfg.model.data_preprocessor.pad_size_divisor = 32
    if "size" in cfg.model.data_preprocessor:
        cfg.model.data_preprocessor.size = (SIZE, SIZE)
    if "rpn_proposal" in cfg.model.train_cfg:
        cfg.model.train_cfg.rpn_proposal.update(nms_pre=50, max_per_img=20)
        cfg.model.train_cfg.rcnn.sampler.num = 8
    if cfg.model.get("decode_head", {}).get("type") == "UPerHead":
        cfg.model.decode_head.channels = 32
    if "roi_head" in cfg.model and "shared_head" not in cfg.model.roi_head:
        cfg.model.roi_head.bbox_head.fc_out_channels = 32
    return cfg


def batch(cfg):
    images = [torch.randint(0, 256, (3, SIZE, SIZE), dtype=torch.uint8) for _ in range(2)]
    samples = [sample(cfg.default_scope) for _ in images]
    return {"inputs": images, "data_samples": samples}


def sample(scope):
    shape = (SIZE, SIZE)
    meta = {"img_shape": shape, "ori_shape": shape, "pad_shape": shape, "scale_factor": (1.0, 1.0)}
    if scope == "mmseg":
        from mmseg.structures import SegDataSample

        return SegDataSample(
            metainfo=meta, gt_sem_seg=PixelData(data=torch.randint(0, 150, (1, *shape)))
        )
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks

    boxes = torch.tensor([[4.0, 4, 40, 30], [20, 16, 62, 60]])
    truth = InstanceData(bboxes=boxes, labels=torch.tensor([0, 19]))
    masks = torch.zeros(2, *shape, dtype=torch.uint8)
    masks[0, 4:30, 4:40] = masks[1, 16:60, 20:62] = 1
    truth.masks = BitmapMasks(masks.numpy(), *shape)
    return DetDataSample(metainfo=meta, gt_instances=truth)


def names_of(model, prefix):
    return {name for name in model.state_dict() if name.startswith(prefix)}


@pytest.mark.parametrize("name", SHORT)
def test_trains_a_step(name):
    torch.manual_seed(0)
    cfg = reduced(name)
    model = build(cfg)
    model.init_weights()
    model.train()
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        losses = model.train_step(batch(cfg), optim_wrapper)
    assert all(value.isfinite().all() for value in losses.values())
    moved = {key for key, value in model.state_dict().items() if not value.equal(before[key])}
    if "_frozen_" in name:
        assert not names_of(model, "backbone.") & moved
        assert names_of(model, "neck.") & moved
        return
    still = set(before) - moved
    buffers = {key for key, _ in model.named_buffers()}
    # Relative positions start at zero and have a gradient; statistics move with every batch.
    assert not {key for key in still if key.startswith(("backbone.", "roi_head.shared_head"))}
    assert len(still - buffers) < 0.1 * len(before)


@pytest.mark.parametrize("name", NAMES)
def test_the_config_has_no_mistakes_and_downloads_nothing(name):
    cfg = config(name)
    assert check_config(cfg) == []
    assert cfg.model.backbone.get("init_cfg") is None and not cfg.model.get("pretrained")
    assert cfg.get("load_from") is None
    roi_head = cfg.model.get("roi_head") or {}
    assert (roi_head.get("shared_head") or {}).get("init_cfg") is None


@pytest.mark.parametrize("name", [name for name in NAMES if "_2x_" in name])
def test_twice_the_length_is_the_only_difference(name):
    long, short = read(name), read(name.replace("_2x_", "_1x_"))
    different = {key for key in long if key not in short or long[key] != short[key]}
    assert different == {"epochs_24", "train_cfg", "param_scheduler"}
    assert (long.train_cfg.max_epochs, short.train_cfg.max_epochs) == (24, 12)
    assert long.param_scheduler[1].milestones == [16, 22]
    assert long.param_scheduler[1].end == 24


@pytest.mark.parametrize("name", NAMES)
def test_the_rate_scales_from_the_batch_that_the_card_tells(name):
    cfg = read(name)
    card = (FOLDER / f"{name}.py").read_text()
    gpus, images = map(int, re.search(r"(\d) GPUs with (\d) images each", card).groups())
    assert cfg.train_dataloader.batch_size == images
    assert cfg.auto_scale_lr == {"enable": False, "base_batch_size": gpus * images}


def test_statistics_of_all_gpus_are_tuned_wherever_the_resnet_is_trained():
    for name in [name for name in NAMES if "_r50_" in name and "_frozen_" not in name]:
        backbone = read(name).model.backbone
        assert backbone.norm_cfg == {"type": "SyncBN", "requires_grad": True}, name
        assert not backbone.norm_eval and backbone.get("frozen_stages", -1) == -1, name
        assert backbone.type == "ResNet" and backbone.style == "pytorch", name


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


@pytest.mark.parametrize("name", SHORT)
def test_takes_every_weight_of_a_published_checkpoint(name, tmp_path, monkeypatch):
    width = 384 if "_vit_s_" in name else 768
    content = resnet_50() if "_r50_" in name else vit(width, monkeypatch)
    torch.save(content, tmp_path / "file.pth")
    with torch.device("meta"):
        model = build(config(name))
    learns = {parameter.requires_grad for parameter in model.backbone.parameters()}
    assert learns == {"_frozen_" not in name}
    command = (FOLDER / f"{name}.py").read_text()
    allow = re.findall(r"--allow (\S+)", command)
    report = load_backbone(model.backbone, tmp_path / "file.pth", model=model, allow=allow)
    assert not report.faults()
    filled = {entry.name for entry in report.entries if entry.status == "filled"}
    assert all("rel_pos" in entry for entry in filled)  # windows have relative positions besides
    assert (report.covered == 1) != bool(filled) and bool(filled) == ("_simple_" in name)
    if "_r50_" in name:
        taken = {entry.name for entry in report.entries if entry.status == "matched"}
        assert {"conv1.weight", "layer4.2.bn3.running_var"} <= taken
    left = {entry.name for entry in report.entries if entry.status == "left over"}
    assert left == set(allow) and bool(left) == ("_simple_" in name)


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


def test_layers_decay_where_the_card_says_so():
    rates = {}
    for name in SHORT:
        wrapper = read(name).optim_wrapper
        if "constructor" in wrapper:
            assert wrapper.constructor == "mmdense.LayerDecay"
            rates[name] = wrapper.paramwise_cfg.layer_decay_rate
    assert rates == {
        "mask_rcnn_vit_b_simple_1x_coco": 0.7,
        "mask_rcnn_vit_s_simple_1x_coco": 0.7,
        "mask_rcnn_vit_s_simple_cascade_rpn_1x_coco": 0.7,
        "mask_rcnn_vit_b_simple_cascade_rpn_1x_coco": 0.7,
        "upernet_vit_b_160k_ade20k": 0.65,
        "upernet_vit_s_160k_ade20k": 0.75,
    }


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
        photo(tmp_path / "data/ade20k/images/training" / f"{i}.jpg")
        class_map(tmp_path / "data/ade20k/annotations/training" / f"{i}.png")
    cfg = config("upernet_vit_s_160k_ade20k")
    with DefaultScope.overwrite_default_scope("mmseg"):
        small = dict(batch_size=2, num_workers=0, persistent_workers=False)
        found = next(iter(Runner.build_dataloader({**cfg.train_dataloader, **small}, seed=0)))
        fed = MODELS.build(cfg.model.data_preprocessor)(found, training=True)
    assert fed["inputs"].shape == (2, 3, 512, 512)
