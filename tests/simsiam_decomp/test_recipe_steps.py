"""Every variant builds its model and takes a training step; studies have every variant."""

import copy
import functools
import itertools
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

import mmdense  # noqa: F401
import projects.simsiam_decomp  # noqa: F401  (registers what the recipes name)
from mmdense.config.check import check_config
from mmdense.config.options import read_config
from mmdense.report.tables import all_tables
from tests.small_training import changed, shrink, train_step

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "configs" / "simsiam_decomp"
RECIPES_STUDY = FOLDER / "study_recipes.py"
VARIANTS = Config.fromfile(ROOT / "configs/_base_/models/siamese_variants.py").siamese_variants


@functools.cache
def load(path):
    return Config.fromfile(path, import_custom_modules=False)


MINUTES = FOLDER / "simsiam_minutes_cifar10.py"


def steps_of(changes):
    """Let a variant of the minutes' config take a step, of each phase one."""
    cfg = changed(load(MINUTES), changes)
    for phase in list(cfg.model.head.get("heads", [])) or [None]:
        step = train_step(shrink(cfg), phase=phase)
        assert all(value.isfinite().all() for value in step.losses.values())
        weights = {name for name, _ in step.model.named_parameters()}
        still = step.still()
        assert "neck.fc0.weight" not in still
        in_use = "predictor" if phase is None else f"head.heads.{phase}."
        assert not {name for name in weights & still if in_use in name}
    return cfg


@pytest.mark.parametrize("name", VARIANTS.minutes)
def test_each_variant_takes_a_step(name):
    steps_of(VARIANTS.minutes[name].changes)


STUDY = {
    variant.name: variant for variant in load(ROOT / "configs/pipelines/collapse_study.py").variants
}


# Those that are not variants of the minutes' family, which the test above has.
OWN = [
    name
    for name, variant in STUDY.items()
    if name not in VARIANTS.minutes
    or variant.changes.to_dict() != VARIANTS.minutes[name].changes.to_dict()
]


@pytest.mark.parametrize("name", OWN)
def test_each_variant_of_the_collapse_study_takes_a_step(name):
    cfg = steps_of(STUDY[name].changes)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        assert check_config(cfg) == []


def test_the_collapse_study_has_tables_of_its_variants():
    study = load(ROOT / "configs/pipelines/collapse_study.py")
    assert {name for names in study.tables.values() for name in names} <= set(STUDY)
    groups = {variant.group for variant in study.variants}
    shown = {
        name.removeprefix("collapse_") for name in all_tables() if name.startswith("collapse_")
    }
    assert groups | set(study.tables) == shown - {"cost"}


def test_phases_name_heads_and_leave_the_last_its_time():
    for name in ("alternation", "rescue"):
        heads = STUDY[name].changes.model.head.heads
        hook = STUDY[name].changes.default_hooks.phases
        assert {phase.head for phase in hook.phases} == set(heads)
        steps = 39 * load(MINUTES).max_epochs  # 5,000 images in batches of 128
        length = sum(phase.get("length", 0) for phase in hook.phases) * (
            39 if hook.get("by_epoch") else 1
        )
        # Some whole cycles, so that the first can be left out; else most of the time for the last.
        assert length * (3 if hook.get("cycle") else 2) <= steps


def test_a_recipe_with_a_last_norm_differs_in_what_its_variants_do_to_it():
    published, other = (VARIANTS[key].to_dict() for key in ("published", "published_last_bn"))
    for name in ("simsiam", "naive"):
        added, removed = published.pop(f"{name}_last_bn"), other.pop(f"{name}_no_last_bn")
        necks = [variant["changes"]["model"].pop("neck") for variant in (added, removed)]
        assert [neck["with_last_bn"] for neck in necks] == [True, False]
        assert added["changes"] == removed["changes"]
    assert published == other


def test_cuts_are_those_of_tables_3_and_4():
    weights = {"both": (1.0, 1.0), "centre": (1.0, 0.0), "residual": (0.0, 1.0), "none": (0.0, 0.0)}
    for method, part in itertools.product(("simsiam", "mirror", "triplet", "infonce"), weights):
        head = VARIANTS.published[f"cut_{method}_{part}"].changes.model.head
        assert head.method == method
        assert (head.centre_weight, head.residual_weight) == weights[part]
        assert ("predictor" in head) == (method in ("simsiam", "mirror"))


IMAGES = {
    "cifar10": 50_000,
    "cifar100": 50_000,
    "stl10": 100_000,
    "tiny_imagenet": 100_000,
    "imagenet100": 130_000,
    "imagenet": 1_281_167,
}


@pytest.mark.parametrize(
    ("images", "recipe"),
    [
        ("cifar10", "r18_lr003_1000e"),
        ("cifar100", "r18_lr05_200e"),
        ("stl10", "r50_lr003_200e"),
        ("tiny_imagenet", "r18_lr05_1000e"),
        ("imagenet100", "r18_lr05_200e"),
        ("imagenet", "r50_lr005_200e"),
    ],
)
def test_the_study_has_every_variant_for_every_recipe_and_data_set(images, recipe):
    study = read_config(FOLDER / "study_variants.py", {"images": images, "recipe": recipe})
    assert study.name == f"simsiam_variants_{images}_{recipe}"
    base = load(ROOT / study.base)
    variants = {variant.name: variant.changes for variant in study.variants}
    published = VARIANTS.published if "lr05" in recipe else VARIANTS.published_last_bn
    assert list(variants) == list(published)
    assert variants["moving_average"].model.head.num_images == IMAGES[images]
    recipes = {v.name: v.changes for v in read_config(RECIPES_STUDY, {"images": images}).variants}
    for name, changes in variants.items():
        # Each has all of its recipe, and besides or instead what makes it another method.
        alone, both = copy.deepcopy(base), copy.deepcopy(base)
        alone.merge_from_dict(recipes[recipe].to_dict())
        if name != "moving_average":
            alone.merge_from_dict(published[name].changes.to_dict())
            both.merge_from_dict(changes.to_dict())
            assert alone.to_dict() == both.to_dict()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": "mnist"}, "images=mnist: choose one of cifar10, "),
        ({"recipe": "r18"}, "recipe=r18: choose one of r18_lr05_200e, "),
    ],
)
def test_a_study_names_the_choices(options, message):
    with pytest.raises(ValueError, match=message):
        read_config(FOLDER / "study_variants.py", options)
