"""The recipes say what the papers and solo-learn say, and nothing else differs among them."""

import functools
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from PIL import Image
from torch import nn

import mmdense  # noqa: F401
from mmdense.evaluation.probe_loaders import build_preprocessor, build_probe_loaders

FOLDER = Path(__file__).resolve().parents[2] / "configs" / "simsiam_decomp"
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
RECIPES = [
    (depth, data, family, epochs)
    for depth, data, epochs in itertools.product((18, 50), SIZES, (200, 1000))
    for family in ("lr05", "lr003" if SIZES[data] < 224 else "lr005")
]


def name_of(recipe):
    depth, data, family, epochs = recipe
    return f"simsiam_r{depth}_{data}_{family}_{epochs}e"


@functools.cache
def config_of(recipe):
    return Config.fromfile(FOLDER / f"{name_of(recipe)}.py", import_custom_modules=False)


def test_every_recipe_is_there_and_no_other():
    found = {path.stem for path in FOLDER.glob("simsiam_r*.py")}
    assert found == {name_of(recipe) for recipe in RECIPES}
    assert len(found) == 48
    studies = {f"study_variants_{data}" for data in SIZES}
    of_18_layers = [recipe for recipe in RECIPES if recipe[0] == 18 and recipe[2:] != ("lr05", 200)]
    studies |= {name_of(r).replace("simsiam_r18", "study_variants") for r in of_18_layers}
    assert {path.stem for path in FOLDER.glob("study_variants_*.py")} == studies


@pytest.mark.parametrize("recipe", RECIPES, ids=name_of)
def test_a_recipe_has_the_published_figures(recipe):
    depth, data, family, epochs = recipe
    cfg, facts = config_of(recipe), FAMILIES[family]
    backbone, neck, predictor = cfg.model.backbone, cfg.model.neck, cfg.model.head.predictor
    optimizer, hooks = cfg.optim_wrapper.optimizer, cfg.default_hooks

    assert backbone.type == ("ResNet_CIFAR" if SIZES[data] <= 64 else "ResNet")
    assert (backbone.depth, backbone.zero_init_residual) == (depth, True)
    width = 512 if depth == 18 else 2048
    assert (neck.in_channels, neck.hid_channels, neck.out_channels) == (width, 2048, 2048)
    assert neck.num_layers == facts["layers"]
    assert neck.get("with_last_bn", True) == facts["last_bn"]
    assert neck.with_last_bn_affine is False
    assert (predictor.in_channels, predictor.hid_channels, predictor.out_channels) == (
        2048,
        512,
        2048,
    )

    assert (optimizer.type, optimizer.momentum) == ("SGD", 0.9)
    assert optimizer.lr == pytest.approx(facts["lr"])
    assert optimizer.weight_decay == facts["weight_decay"]
    assert cfg.train_dataloader.batch_size == facts["batch_size"]
    assert cfg.train_cfg.max_epochs == epochs

    view = cfg.data_preprocessor.common
    assert cfg.data_preprocessor.views == [{"num": 2}]
    assert view.size == SIZES[data]
    assert view.get("crop_scale", (0.2, 1.0)) == ((0.08 if family == "lr05" else 0.2), 1.0)
    assert ("blur_prob" in view) == data.startswith("cifar")
    assert view.get("blur_prob", 0.0) == 0.0

    assert hooks.predictor_lr.lr == optimizer.lr
    assert hooks.predictor_lr.adjust_by_epoch is False
    assert hooks.collapse == {"type": "mmdense.CollapseHook", "interval": 50}
    assert hooks.knn.k == (20, 200)
    assert hooks.knn.interval == {200: 20, 1000: 50}[epochs]


@pytest.mark.parametrize("recipe", [r for r in RECIPES if r[3] == 1000], ids=name_of)
def test_a_thousand_epochs_differ_in_length_alone(recipe):
    longer, shorter = (config_of((*recipe[:3], epochs)).to_dict() for epochs in (1000, 200))
    assert longer.pop("train_cfg") != shorter.pop("train_cfg")
    for cfg in (longer, shorter):
        cfg.pop("expected")
        cfg["default_hooks"]["knn"].pop("interval")
    assert longer == shorter


def test_a_figure_of_a_paper_stands_where_the_setting_is_its_own():
    with_figures = {
        name_of(recipe): [entry["value"] for entry in config_of(recipe).expected]
        for recipe in RECIPES
        if config_of(recipe).expected
    }
    assert with_figures == {
        "simsiam_r18_cifar100_lr05_200e": [48.5],  # figure 6
        "simsiam_r18_cifar100_lr05_1000e": [66.62],  # table 2
    }


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
    ("recipe", "first", "peak", "peak_at"),
    [
        ((18, "cifar10", "lr05", 200), 0.003, 0.5, 20),
        ((18, "cifar10", "lr003", 200), 0.06, 0.06, 0),
        ((18, "imagenet", "lr005", 200), 0.1, 0.1, 0),
    ],
)
def test_rates_warm_up_and_follow_a_cosine_and_the_predictor_keeps_its_own(
    recipe, first, peak, peak_at, tmp_path
):
    cfg, rates = config_of(recipe), Rates()
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
        experiment_name=f"rates_{recipe[2]}",
        log_level="ERROR",
    ).train()
    assert len(rates.encoder) == len(rates.predictor) == 60
    assert rates.encoder[0] == pytest.approx(first)
    assert max(rates.encoder) == rates.encoder[peak_at] == pytest.approx(peak)
    middle = (peak_at + 60) // 2
    assert rates.encoder[middle] == pytest.approx(peak / 2, rel=0.1)
    assert rates.encoder[-1] < 0.01 * peak
    assert rates.predictor == [cfg.optim_wrapper.optimizer.lr] * 60


def arrays(folder, side, splits):
    folder.mkdir(parents=True)
    for split in splits:
        np.save(folder / f"{split}_images.npy", np.zeros((4, side, side, 3), np.uint8))
        if split != "unlabelled":
            np.save(folder / f"{split}_labels.npy", np.arange(4) // 2)
    (folder / "classes.txt").write_text("a\nb\n")
    (folder / "prepared.json").write_text('{"encoding": "original"}')


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder whose ``data`` holds a little of each data set."""
    data = tmp_path_factory.mktemp("recipes") / "data"
    arrays(data / "cifar10", 32, ("train", "test"))
    arrays(data / "cifar100", 32, ("train", "test"))
    arrays(data / "stl10", 96, ("train", "test", "unlabelled"))
    for split, name in itertools.product(("train", "val"), ("imagenet", "imagenet100", "tiny")):
        root = data / {"tiny": "tiny_imagenet"}.get(name, name) / split
        for i in range(1000 if name == "imagenet" else 2):
            (root / f"n{i:08}").mkdir(parents=True)
        for i in range(4):
            size = (64, 64) if name == "tiny" else (300, 260)
            Image.new("RGB", size, (200, 120, 40)).save(root / f"n{i // 2:08}" / f"{i}.JPEG")
    return data.parent


@pytest.mark.parametrize("data", SIZES)
def test_k_nn_finds_labelled_images_of_one_size_in_every_data_set(data, place, monkeypatch):
    monkeypatch.chdir(place)
    cfg = config_of((18, data, "lr05", 200)).copy()
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    knn = cfg.default_hooks.knn
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        loaders = build_probe_loaders(
            cfg, knn.get("train_dataloader"), knn.get("test_dataloader"), where="KNNHook", seed=0
        )
        preprocess = build_preprocessor(cfg, None, where="KNNHook")
        for loader in loaders:
            batch = preprocess(next(iter(loader)))
            assert batch["inputs"].shape[1:] == (3, SIZES[data], SIZES[data])
            labels = [int(s.gt_label) for one in loader for s in one["data_samples"]]
            assert labels == [0, 0, 1, 1]


def test_the_names_of_the_families_are_their_rates():
    for family, facts in FAMILIES.items():
        rate = float(re.sub(r"lr0(\d+)", r"0.\1", family))
        assert facts["lr"] == pytest.approx(rate * facts["batch_size"] / 256)
