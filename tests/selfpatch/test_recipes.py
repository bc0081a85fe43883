"""The values of the configs: those of the authors, equal ones in the baseline, sizes of heads."""

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
import pytest
from mmengine.registry import MODELS, DefaultScope

from mmdense.config.options import parse_value, read_config
from tests.small_training import ROOT, shrink

FOLDER = ROOT / "configs/selfpatch"
PATCHES = {"patch_neck", "patch_prototypes", "patch_weight", "patch_views", "k"}


def read(name, **options):
    return read_config(FOLDER / f"{name}.py", options)


@pytest.mark.parametrize("name", ["vit_s_imagenet_200e", "vit_ti_photos", "vit_ti_unlabelled"])
def test_dino_differs_from_selfpatch_by_the_loss_on_patches_only(name):
    dino, selfpatch = read(f"dino_{name}").to_dict(), read(f"selfpatch_{name}").to_dict()
    assert {dino["model"].pop("type"), selfpatch["model"].pop("type")} == {
        "mmdense.DINO",
        "mmdense.SelfPatch",
    }
    more = {key: selfpatch["model"].pop(key) for key in PATCHES & set(selfpatch["model"])}
    assert {"patch_neck", "patch_prototypes", "k"} <= set(more)
    assert dino == selfpatch


def test_the_values_of_the_authors():
    cfg = read("selfpatch_vit_s_imagenet_200e", max_epochs=300)
    model, (warm_up, rate, decay) = cfg.model, cfg.param_scheduler
    assert (cfg.train_cfg.max_epochs, cfg.train_dataloader.batch_size) == (300, 128)
    assert cfg.optim_wrapper.optimizer.lr == 2e-3  # 5e-4 x 1024 / 256
    assert (warm_up.end, rate.begin, rate.eta_min) == (10, 10, 1e-6)
    assert decay.eta_min_ratio * cfg.optim_wrapper.optimizer.weight_decay == pytest.approx(0.4)
    assert (model.prototypes, model.patch_prototypes) == (65_536, 4096)
    assert (model.k, model.patch_weight) == (4, 0.1)
    assert (model.momentum, model.teacher_temperature) == (0.996, 0.04)
    assert model.frozen_prototypes == 1251  # steps of an epoch
    assert cfg.custom_hooks[0].clip_each == 3.0
    views = [(one.size, one.get("num", 1), one.crop_scale) for one in cfg.data_preprocessor.views]
    assert views == [(224, 1, (0.25, 1.0)), (224, 1, (0.25, 1.0)), (96, 8, (0.05, 0.25))]


@pytest.mark.parametrize(
    ("images", "sizes"),
    [
        (1000, (1024, 512, 0.99)),
        (20_001, (2048, 1024, 0.99)),
        (150_000, (16_384, 4096, 0.996)),
        (2_000_000, (65_536, 4096, 0.996)),
    ],
)
def test_the_heads_follow_the_number_of_images(images, sizes):
    model = read("selfpatch_vit_ti_photos", num_images=images).model
    assert (model.prototypes, model.patch_prototypes, model.momentum) == sizes


def test_the_documented_options_post_train_a_vit_b():
    name = "posttrain_dino_vit_s_coco_25e"
    words = [word for word in (FOLDER / f"{name}.py").read_text().split() if "=" in word]
    options = dict(word.split("=", 1) for word in words if word.startswith("model."))
    cfg = shrink(read(name, **{key: parse_value(text) for key, text in options.items()}))
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        MODELS.build(cfg.model)
    assert len(options) == 3 and cfg.model.neck.in_channels == cfg.model.backbone.arch.embed_dims
