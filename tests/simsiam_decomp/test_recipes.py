"""The recipes have the figures of the papers and of solo-learn, and nothing else differs."""

import copy
import functools
import itertools
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

import mmdense  # noqa: F401
from mmdense.config.options import read_config

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "configs" / "simsiam_decomp"
SIZES = {
    "cifar10": 32,
    "cifar100": 32,
    "stl10": 96,
    "tiny_imagenet": 64,
    "imagenet100": 224,
    "imagenet": 224,
}
FAMILIES = {
    # solo-learn's, and the analysis' (arXiv:2203.16262): 0.5 x 256 / 256
    "lr05": {"lr": 0.5, "weight_decay": 1e-5, "batch_size": 256, "layers": 3, "last_bn": False},
    # SimSiam's for CIFAR-10 (arXiv:2011.10566, appendix D): 0.03 x 512 / 256
    "lr003": {"lr": 0.06, "weight_decay": 5e-4, "batch_size": 512, "layers": 2, "last_bn": True},
    # SimSiam's for ImageNet (section 3): 0.05 x 512 / 256
    "lr005": {"lr": 0.1, "weight_decay": 1e-4, "batch_size": 512, "layers": 3, "last_bn": True},
}


@functools.cache
def recipes_of(images):
    """The config of each recipe of a data set, as tools/study.py trains it."""
    study = read_config(FOLDER / "study_recipes.py", {"images": images})
    base = Config.fromfile(ROOT / study.base, import_custom_modules=False)
    found = {}
    for variant in study.variants:
        assert not set(variant.changes) - set(base)
        found[variant.name] = copy.deepcopy(base)
        found[variant.name].merge_from_dict(variant.changes.to_dict())
    return found


@pytest.mark.parametrize("images", SIZES)
def test_a_recipe_has_the_published_figures(images):
    size = SIZES[images]
    families = ("lr05", "lr003" if size < 224 else "lr005")
    cases = list(itertools.product((18, 50), families, (200, 1000)))
    recipes = recipes_of(images)
    assert set(recipes) == {f"r{depth}_{family}_{epochs}e" for depth, family, epochs in cases}
    for depth, family, epochs in cases:
        cfg, facts = recipes[f"r{depth}_{family}_{epochs}e"], FAMILIES[family]
        backbone, neck, predictor = cfg.model.backbone, cfg.model.neck, cfg.model.head.predictor
        optimizer, hooks = cfg.optim_wrapper.optimizer, cfg.default_hooks

        assert backbone.type == ("ResNet_CIFAR" if size <= 64 else "ResNet")
        assert (backbone.depth, backbone.zero_init_residual) == (depth, True)
        width = 512 if depth == 18 else 2048
        assert (neck.in_channels, neck.hid_channels, neck.out_channels) == (width, 2048, 2048)
        assert neck.num_layers == facts["layers"]
        assert neck.with_last_bn == facts["last_bn"] != neck.with_last_bias
        assert neck.with_last_bn_affine is False
        widths = (predictor.in_channels, predictor.hid_channels, predictor.out_channels)
        assert widths == (2048, 512, 2048)

        assert (optimizer.type, optimizer.momentum) == ("SGD", 0.9)
        assert optimizer.lr == pytest.approx(facts["lr"])
        assert optimizer.weight_decay == facts["weight_decay"]
        assert cfg.train_dataloader.batch_size == facts["batch_size"]
        assert cfg.train_cfg.max_epochs == epochs

        view = cfg.data_preprocessor.common
        assert (cfg.data_preprocessor["views"], view.size) == ([{"num": 2}], size)
        assert view.crop_scale == ((0.08 if family == "lr05" else 0.2), 1.0)
        assert ("blur_prob" in view) == images.startswith("cifar")
        assert view.get("blur_prob", 0.0) == 0.0

        assert hooks.predictor_lr.lr == optimizer.lr
        assert hooks.predictor_lr.adjust_by_epoch is False
        assert hooks.collapse == {"type": "mmdense.CollapseHook", "interval": 50}
        assert hooks.knn.k == (20, 200)
        assert hooks.knn.interval == {200: 20, 1000: 50}[epochs]


# Defaults of the components that a config need not name.
DEFAULTS = {"crop_scale": (0.2, 1.0), "with_last_bn": True, "with_last_bias": False}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("simsiam_r*.py")), ids=lambda path: path.stem)
def test_a_config_is_its_recipe_and_shows_the_figures_of_a_paper(path):
    cfg = Config.fromfile(path, import_custom_modules=False)
    depth, *images, family, epochs = path.stem.removeprefix("simsiam_").split("_")
    recipe = copy.deepcopy(recipes_of("_".join(images))["_".join((depth, family, epochs))])
    published = {
        "simsiam_r18_cifar100_lr05_200e": [48.5],  # figure 6
        "simsiam_r18_cifar100_lr05_1000e": [66.62],  # table 2
    }
    assert [entry["value"] for entry in cfg.expected] == published.get(path.stem, [])
    for one in (cfg, recipe):
        for part in (one.model.neck, one.data_preprocessor.common):
            for key, value in DEFAULTS.items():
                part.setdefault(key, value)
        for key in ("expected", "_paper", "lr"):
            one.pop(key, None)
    assert cfg.to_dict() == recipe.to_dict()


class Rates(Hook):
    """Notes the learning rates of each step."""

    def __init__(self):
        self.encoder, self.predictor = [], []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        for group in runner.optim_wrapper.optimizer.param_groups:
            rates = self.predictor if group.get("fix_lr") else self.encoder
            rates.append(group["lr"])


class TwoParts(BaseModel):
    """An encoder and a predictor of one weight each."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(1, 1, bias=False)
        self.predictor = nn.Linear(1, 1, bias=False)

    def forward(self, x, mode="loss"):
        """Any loss."""
        return {"loss": 1e-6 * self.predictor(self.encoder(x)).square().mean()}


@pytest.mark.parametrize(
    ("family", "first", "peak", "peak_at"), [("lr05", 0.003, 0.5, 20), ("lr003", 0.06, 0.06, 0)]
)
def test_rates_warm_up_and_follow_a_cosine_and_the_predictor_keeps_its_own(
    family, first, peak, peak_at, tmp_path
):
    cfg, rates = recipes_of("cifar10")[f"r18_{family}_200e"], Rates()
    Runner(
        model=TwoParts(),
        work_dir=str(tmp_path),
        train_dataloader={
            "batch_size": 1,
            "dataset": [{"x": torch.ones(1)}] * 2,  # two steps an epoch
            "sampler": {"type": "DefaultSampler", "shuffle": False},
            "collate_fn": {"type": "default_collate"},
        },
        train_cfg={"by_epoch": True, "max_epochs": 30},
        optim_wrapper=cfg.optim_wrapper.to_dict(),
        param_scheduler=[schedule.to_dict() for schedule in cfg.param_scheduler],
        default_hooks={
            "checkpoint": None,
            "predictor_lr": cfg.default_hooks.predictor_lr.to_dict(),
        },
        custom_hooks=[rates],
        default_scope="mmpretrain",
        experiment_name=f"rates_{family}",
        log_level="ERROR",
    ).train()
    assert len(rates.encoder) == len(rates.predictor) == 60
    assert rates.encoder[0] == pytest.approx(first)
    assert max(rates.encoder) == rates.encoder[peak_at] == pytest.approx(peak)
    middle = (peak_at + 60) // 2
    assert rates.encoder[middle] == pytest.approx(peak / 2, rel=0.1)
    assert rates.encoder[-1] < 0.01 * peak
    assert rates.predictor == [cfg.optim_wrapper.optimizer.lr] * 60
