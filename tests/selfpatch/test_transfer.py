"""Weights of DINO and SelfPatch in detectors and segmentors; published ones in post-training."""

import json
from types import SimpleNamespace

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmdense.ssl.teacher import TeacherHook
from mmdense.transfer.apply import LoadBackboneHook, load_alone, load_backbone
from tests.references import published_weights as published
from tests.small_training import ROOT, shrink

STUDENT, TEACHER = 1.0, 2.0
DOWNSTREAM = (
    "detection/faster_rcnn_vit_ti_bccd",
    "detection/faster_rcnn_cascade_rpn_vit_ti_bccd",
    "segmentation/semantic_fpn_vit_ti_camvid",
)
TOKEN = dict(with_cls_token=True)


def config(name):
    return Config.fromfile(ROOT / f"configs/{name}.py")


def build(cfg, device="meta"):
    with DefaultScope.overwrite_default_scope(cfg.default_scope), torch.device(device):
        return MODELS.build(cfg.model)


def pretrained(tmp_path, name, **backbone):
    """A checkpoint of a config: each weight of the teacher is 2, each other one 1."""
    cfg = config(f"selfpatch/{name}")
    cfg.model.backbone.update(backbone)
    cfg.model.data_preprocessor = cfg.data_preprocessor
    state = {
        key: torch.tensor(TEACHER if key.startswith("teacher.") else STUDENT).expand(value.shape)
        for key, value in build(cfg).state_dict().items()
    }
    torch.save({"state_dict": state, "meta": {"cfg": cfg.pretty_text}}, tmp_path / "epoch_1.pth")
    return tmp_path / "epoch_1.pth"


@pytest.mark.parametrize("target", DOWNSTREAM)
def test_detectors_and_segmentors_take_the_teacher(tmp_path, target):
    path = pretrained(tmp_path, "selfpatch_vit_ti_unlabelled")
    _, report = load_alone(config(target), path)
    assert report.covered == 1 and not report.faults()
    assert (report.branch, report.location) == ("teacher", "state_dict.teacher.backbone")


@pytest.mark.parametrize(("branch", "value"), [(None, TEACHER), ("student", STUDENT)])
def test_the_values_are_those_of_the_branch(tmp_path, branch, value):
    path = pretrained(tmp_path, "dino_vit_ti_photos")
    backbone, _ = load_alone(config(DOWNSTREAM[2]), path, branch=branch)
    assert all((weight == value).all() for weight in backbone.parameters())


@pytest.mark.parametrize("size", [64, 320])
@pytest.mark.parametrize("source", [{}, TOKEN])
@pytest.mark.parametrize("target", [{}, TOKEN])
def test_other_image_sizes_with_and_without_a_class_token(tmp_path, source, target, size):
    path = pretrained(tmp_path, "dino_vit_ti_photos", **source)
    cfg = config(DOWNSTREAM[2])
    cfg.model.backbone.update(target, img_size=size)
    allow = [] if source == target else ["cls_token"]
    backbone, report = load_alone(cfg, path, allow=allow)
    assert not report.faults() and (report.covered == 1) == (source == target or not target)
    patches = backbone.pos_embed[:, -((size // 16) ** 2) :]
    torch.testing.assert_close(patches, torch.full_like(patches, TEACHER))


@pytest.mark.parametrize("name", ["mask_rcnn_vit_s_fpn_1x_coco", "semantic_fpn_vit_s_40k_ade20k"])
def test_published_weights_of_selfpatch_fill_a_vit_without_a_class_token(
    tmp_path, monkeypatch, name
):
    monkeypatch.setattr(published, "WIDTH", 384)
    monkeypatch.setattr(published, "GRID", 14)
    monkeypatch.setattr(
        published,
        "draw",
        lambda shapes, seed=0: {
            key: torch.zeros(()).expand(shape) for key, shape in shapes.items()
        },
    )
    weights = published.selfpatch_vit(patch=16, depth=12)
    content = {"student": published.under("module.backbone.", weights), "epoch": 200}
    content["teacher"] = published.under("backbone.", weights)
    torch.save(content, tmp_path / "file.pth")
    cfg = config(f"downstream/{name}")
    cfg.model.backbone.with_cls_token = False
    cfg.model.neck[0].norm_cfg.type = "BN"
    backbone = build(cfg).backbone
    report = load_backbone(backbone, tmp_path / "file.pth")
    assert report.covered == 1 and report.branch == "teacher" and not report.faults()


@pytest.mark.parametrize(("kind", "patch"), [("dino", 16), ("dinov2", 14)])
def test_teacher_and_student_of_post_training_start_from_published_weights(
    tmp_path, monkeypatch, kind, patch
):
    cfg = shrink(config(f"selfpatch/posttrain_{kind}_vit_s_coco_25e"))
    backbone = cfg.model.backbone
    backbone.arch.feedforward_channels = 4 * backbone.arch.embed_dims
    monkeypatch.setattr(published, "WIDTH", backbone.arch.embed_dims)
    side = -(-backbone.img_size // patch)
    weights = published.timm_vit(
        patch=patch,
        positions=side**2 + 1,
        layer_scale=kind == "dinov2",
        depth=backbone.arch.num_layers,
    )
    torch.save(weights, tmp_path / "file.pth")
    model = build(cfg, "cpu")
    load, start = LoadBackboneHook(str(tmp_path / "file.pth")), TeacherHook()
    optimizer = torch.optim.SGD(model.backbone.parameters())
    runner = SimpleNamespace(
        model=model,
        iter=0,
        hooks=[load],
        work_dir=str(tmp_path),
        optim_wrapper=SimpleNamespace(optimizer=optimizer),
    )
    for hook in (load, start):
        hook.before_train(runner)
    assert json.loads((tmp_path / "transfer.json").read_text())[0]["covered"] == 1
    for part in (model.backbone, model.teacher["backbone"]):
        assert torch.equal(part.layers[1].attn.qkv.weight, weights["blocks.1.attn.qkv.weight"])
        assert torch.equal(part.ln1.weight, weights["norm.weight"])
