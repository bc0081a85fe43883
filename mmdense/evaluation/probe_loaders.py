"""The labelled images that a probe measures with, and whether they will do, before training begins.

Every message begins with the probe's name and names the key that is to be changed.
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
    """Loaders of the images that a probe learns from, and of those that it is tested on.

    Args:
        cfg: Of the run; its ``train_dataloader`` and ``test_dataloader`` stand for what is not
            given. The images of its train loader then pass the pipeline of the test images.
        train: Config of a loader, whose pipeline counts; ``dataset`` is enough.
        test: Likewise.
        where: Name of the probe.
        seed: Of the workers.

    Raises:
        ValueError: Images are missing, unlabelled, of one class, or not ready for a backbone.
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
    """A preprocessor that normalises one view of each image, as the model's normalises its own.

    Args:
        cfg: Of the run; mean, std and channel order come from its ``data_preprocessor``.
        given: A config to be taken instead; MMPretrain's ``ClsDataPreprocessor`` where it has no
            type.
        where: Name of the probe.

    Raises:
        ValueError: None is given, and the config has none.
    """
    if given is None:
        own = (cfg.get("model") or {}).get("data_preprocessor") or cfg.get("data_preprocessor")
        if own is None:
            raise ValueError(
                f"{where}.data_preprocessor is not given and the config has none; give "
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
            f"{where}.{key} is not given and the config has none; give dict(dataset=dict(...)) "
            "with labelled images and a pipeline without augmentation"
        )
    # Workers that outlive a measurement would only take memory from the training.
    workers = min(found.get("num_workers", 0), available_cores())
    return {**found, "num_workers": workers, "persistent_workers": False}


def check_labelled(loader: DataLoader, where: str, *, several_classes: bool) -> None:
    """Refuse images that a probe cannot use, before any of them is read but the first.

    Args:
        loader: Of the images.
        where: Its key, for the message.
        several_classes: Whether they have to be of two classes or more.

    Raises:
        ValueError: There are fewer images than processes, or they are unlabelled, of one class, or
            not ready for a backbone.
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
            f"{where}.dataset gives {_described(inputs)} for an image, expected `inputs` "
            "[3, H, W]: end its pipeline with PackInputs, without several views"
        )
    labels = _labels(dataset, sample)
    if labels is None or labels.ndim != 1 or (labels < 0).any():
        raise ValueError(
            f"{where}.dataset has unlabelled images; a probe needs the class of each, from 0. Give "
            f"{where} a labelled split of the same kind of images"
        )
    if several_classes and len(labels) > 1 and len(np.unique(labels)) == 1:
        raise ValueError(
            f"{where}.dataset has images of the one class {labels[0]}; a probe needs two to tell "
            "apart"
        )


def _labels(dataset: Any, sample: Mapping[str, Any]) -> np.ndarray | None:
    """The class of each image, or of the first alone where the data set does not list them."""
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
