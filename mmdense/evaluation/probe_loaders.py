"""Labelled images of a probe: every image once, in order, without augmentation.

Error messages start with the name of the probe or the config, and contain the config key.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmdense.machine import available_cores
from mmdense.registry import MODELS

_DEFAULTS = {"batch_size": 256, "num_workers": 0, "collate_fn": {"type": "default_collate"}}
_FEW_LABELS = "mmdense.FewLabels"  # a fraction of the data set inside it


def build_probe_loaders(
    cfg: Config,
    train: Mapping[str, Any] | None,
    test: Mapping[str, Any] | None,
    *,
    where: str,
    seed: int,
    neighbours: int = 1,
) -> tuple[DataLoader, DataLoader]:
    """Return loaders of the train and test images of a probe, which yield every image once.

    Samplers, batch samplers and ``drop_last`` of the configs are ignored. With W processes, process
    r gets the images r, r + W, r + 2 W and so on; the last processes can get one image less.

    Args:
        cfg: Config of the run. Its ``train_dataloader`` and ``test_dataloader`` are the defaults;
            the images of its train loader then have the pipeline of the test images.
        train: Config of a loader; ``dataset`` with a pipeline is enough.
        test: Config of a loader; ``dataset`` with a pipeline is enough.
        where: Start of error messages.
        seed: Seed of the workers.
        neighbours: Minimum number of train images.

    Raises:
        ValueError: Images are missing, have no labels, have only one class, or are not packed; the
            data sets have different classes; or the pipeline of a wrapper cannot be replaced.
    """
    of_test = _given("test_dataloader", test, cfg, where)
    of_train = _given("train_dataloader", train, cfg, where)
    if train is None:
        of_train = {**of_test, "dataset": _clean_images(of_train, of_test, where)}
    loaders = [Runner.build_dataloader(_in_order(one), seed=seed) for one in (of_train, of_test)]
    for key, loader in zip(("train_dataloader", "test_dataloader"), loaders):
        _check_labelled(loader, f"{where}: {key}", several_classes=key == "train_dataloader")
    classes = [getattr(loader.dataset, "metainfo", {}).get("classes") for loader in loaders]
    if None not in classes and classes[0] != classes[1]:
        raise ValueError(
            f"{where}: train and test images have different classes, {classes[0]} and {classes[1]}"
        )
    if neighbours > (rows := image_count(loaders[0])):
        raise ValueError(
            f"{where}: k={neighbours} is more than the {rows} images of train_dataloader; lower k "
            "or use more images"
        )
    return loaders[0], loaders[1]


def image_count(loader: DataLoader) -> int:
    """Return the number of images of a loader, over all processes."""
    dataset: Any = loader.dataset
    return len(dataset)


def build_preprocessor(cfg: Config, given: Mapping[str, Any] | None, *, where: str) -> nn.Module:
    """Return a preprocessor that normalises one view of each image like that of the model.

    Args:
        cfg: Config of the run; mean, std and channel order are from its ``data_preprocessor``.
        given: A config to use instead; the default type is ``ClsDataPreprocessor`` of MMPretrain.
        where: Start of error messages.

    Raises:
        ValueError: None is given, and the config has none.
    """
    if given is None:
        own = (cfg.get("model") or {}).get("data_preprocessor") or cfg.get("data_preprocessor")
        if own is None:
            raise ValueError(
                f"{where}: data_preprocessor is not set and the config has none; set it to "
                "dict(mean=..., std=..., to_rgb=...)"
            )
        given = {key: own[key] for key in ("mean", "std", "to_rgb") if key in own}
        if "bgr_to_rgb" in own:
            given["to_rgb"] = own["bgr_to_rgb"]
    return MODELS.build({"type": "mmpretrain.ClsDataPreprocessor", **given}).eval()


def _given(
    key: str, loader: Mapping[str, Any] | None, cfg: Config, where: str
) -> Mapping[str, Any]:
    found = cfg.get(key) if loader is None else {**_DEFAULTS, **loader}
    if not found or "dataset" not in found:
        raise ValueError(
            f"{where}: {key} is not set and the config has none; set it to "
            "dict(dataset=dict(...)) with labelled images and a pipeline without augmentation"
        )
    # Persistent workers would use memory between the measurements.
    workers = min(found.get("num_workers", 0), available_cores())
    return {**found, "num_workers": workers, "persistent_workers": False}


def _clean_images(train: Mapping[str, Any], test: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The data set of the train loader with the pipeline of the test loader."""
    for key, loader in (("train_dataloader", train), ("test_dataloader", test)):
        dataset = loader["dataset"]
        if key == "train_dataloader" and dataset["type"] == _FEW_LABELS:
            dataset = dataset["dataset"]
        if "dataset" in dataset or "datasets" in dataset:
            raise ValueError(
                f"{where}: {key}.dataset is the wrapper {dataset['type']}, which has no pipeline "
                "to replace; use the data set inside it"
            )
    return _with_pipeline(train["dataset"], test["dataset"].get("pipeline"))


def _with_pipeline(dataset: Mapping[str, Any], pipeline: list | None) -> dict[str, Any]:
    """The config of a data set with another pipeline, or with none."""
    if dataset["type"] == _FEW_LABELS:
        return {**dataset, "dataset": _with_pipeline(dataset["dataset"], pipeline)}
    bare = {key: value for key, value in dataset.items() if key != "pipeline"}
    return bare if pipeline is None else {**bare, "pipeline": pipeline}


def _in_order(loader: Mapping[str, Any]) -> dict[str, Any]:
    left_out = ("batch_sampler", "num_batch_per_epoch")
    kept = {key: value for key, value in loader.items() if key not in left_out}
    sampler = {"type": "DefaultSampler", "shuffle": False, "round_up": False}
    return {**kept, "drop_last": False, "sampler": sampler}


def _check_labelled(loader: DataLoader, where: str, *, several_classes: bool) -> None:
    """Raise if the images cannot be used; only the first one is loaded."""
    dataset: Any = loader.dataset
    world_size = get_world_size()
    if len(dataset) < world_size:
        raise ValueError(
            f"{where}.dataset has {len(dataset)} images, fewer than the {world_size} processes"
        )
    sample = dataset[0]
    inputs = sample.get("inputs") if isinstance(sample, Mapping) else None
    if not isinstance(inputs, Tensor) or inputs.ndim != 3:
        raise ValueError(
            f"{where}.dataset returns {_described(inputs)} for an image, expected `inputs` "
            "[3, H, W]. End its pipeline with PackInputs and make one view only"
        )
    labels = _labels(dataset, sample)
    if labels is None or labels.ndim != 1 or (labels < 0).any():
        raise ValueError(
            f"{where}.dataset has images without a label. Use a labelled split, with classes from 0"
        )
    if several_classes and len(labels) > 1 and len(np.unique(labels)) == 1:
        raise ValueError(
            f"{where}.dataset only has images of class {labels[0]}; a probe needs at least two "
            "classes"
        )


def _labels(dataset: Any, sample: Mapping[str, Any]) -> np.ndarray | None:
    """Classes of all images, or only of the first if the data set has no list of labels."""
    first = getattr(sample.get("data_samples"), "gt_label", None)
    if first is None or first.numel() != 1:
        return None
    if not hasattr(dataset, "get_gt_labels"):
        return first.reshape(1).numpy()
    return np.asarray(dataset.get_gt_labels())


def _described(inputs: Any) -> str:
    if isinstance(inputs, Tensor):
        return f"a tensor {tuple(inputs.shape)}"
    if isinstance(inputs, list | tuple):
        return f"{len(inputs)} views"
    return "no `inputs`" if inputs is None else f"`inputs` of type {type(inputs).__name__}"
