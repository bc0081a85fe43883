"""Labelled images of a probe, and checks of them before training.

Error messages start with the name of the probe and contain the config key.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dist import get_world_size
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmdense.evaluation.clean_loaders import build_clean_loaders, with_images_of
from mmdense.machine import available_cores
from mmdense.registry import MODELS

__all__ = ["build_preprocessor", "build_probe_loaders", "check_labelled"]

_DEFAULTS = {"batch_size": 256, "num_workers": 0, "collate_fn": {"type": "default_collate"}}


def build_probe_loaders(
    cfg: Config,
    train: Mapping[str, Any] | None,
    test: Mapping[str, Any] | None,
    *,
    where: str,
    seed: int,
) -> tuple[DataLoader, DataLoader]:
    """Return loaders of the train and test images of a probe.

    Args:
        cfg: Config of the run. Its ``train_dataloader`` and ``test_dataloader`` are the defaults;
            the images of its train loader then have the pipeline of the test images.
        train: Config of a loader; ``dataset`` with a pipeline is enough.
        test: Config of a loader; ``dataset`` with a pipeline is enough.
        where: Name of the probe.
        seed: Seed of the workers.

    Raises:
        ValueError: Images are missing, have no labels, have only one class, or are not packed.
    """
    test = _given("test_dataloader", test, cfg, where)
    own_train = train is not None
    train = _given("train_dataloader", train, cfg, where)
    if not own_train:
        train = with_images_of(test, train, where=where)
    loaders = build_clean_loaders(train, test, where=where, seed=seed)
    for key, loader in zip(("train_dataloader", "test_dataloader"), loaders):
        check_labelled(loader, f"{where}.{key}", several_classes=key == "train_dataloader")
    return loaders


def build_preprocessor(cfg: Config, given: Mapping[str, Any] | None, *, where: str) -> nn.Module:
    """Return a preprocessor that normalises one view of each image like that of the model.

    Args:
        cfg: Config of the run; mean, std and channel order are from its ``data_preprocessor``.
        given: A config to use instead; the default type is ``ClsDataPreprocessor`` of MMPretrain.
        where: Name of the probe.

    Raises:
        ValueError: None is given, and the config has none.
    """
    if given is None:
        own = (cfg.get("model") or {}).get("data_preprocessor") or cfg.get("data_preprocessor")
        if own is None:
            raise ValueError(
                f"{where}.data_preprocessor is not set and the config has none; set it to "
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
            f"{where}.{key} is not set and the config has none; set it to "
            "dict(dataset=dict(...)) with labelled images and a pipeline without augmentation"
        )
    # Persistent workers would use memory between the measurements.
    workers = min(found.get("num_workers", 0), available_cores())
    return {**found, "num_workers": workers, "persistent_workers": False}


def check_labelled(loader: DataLoader, where: str, *, several_classes: bool) -> None:
    """Check the images of a probe; only the first one is loaded.

    Args:
        loader: Loader of the images.
        where: Its config key, for the message.
        several_classes: Whether at least two classes are needed.

    Raises:
        ValueError: There are fewer images than processes, or they have no labels, have only one
            class, or are not packed.
    """
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
            f"{where}.dataset has images without a label. Set {where} to a labelled split, with "
            "classes from 0"
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
