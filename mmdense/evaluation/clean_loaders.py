"""Data loaders for frozen features: every image once, in order, without augmentation."""

from collections.abc import Mapping
from typing import Any

from mmengine.runner import Runner
from torch.utils.data import DataLoader

__all__ = ["build_clean_loaders", "with_images_of"]

FEW_LABELS = "mmdense.FewLabels"  # a fraction of the data set inside it


def with_images_of(
    test: Mapping[str, Any], train: Mapping[str, Any], *, where: str
) -> dict[str, Any]:
    """Return the config of the test loader, with its pipeline, for the images of the train loader.

    Args:
        test: Config of the test loader.
        train: Config of the train loader.
        where: Start of error messages.

    Raises:
        ValueError: A data set is a wrapper, whose pipeline cannot be replaced.
    """
    for key, loader in (("train_dataloader", train), ("test_dataloader", test)):
        dataset = loader["dataset"]
        if key == "train_dataloader" and dataset["type"] == FEW_LABELS:
            dataset = dataset["dataset"]
        if "dataset" in dataset or "datasets" in dataset:
            raise ValueError(
                f"{where}: {key}.dataset is the wrapper {dataset['type']}, which has no pipeline "
                "to replace; use the data set inside it"
            )
    images = _with_pipeline(train["dataset"], test["dataset"].get("pipeline"))
    return {**test, "dataset": images}


def build_clean_loaders(
    train: Mapping[str, Any], test: Mapping[str, Any], *, where: str, seed: int
) -> tuple[DataLoader, DataLoader]:
    """Return loaders of train and test images that yield every image exactly once.

    Samplers, batch samplers and ``drop_last`` of the configs are ignored. With W processes, process
    r gets the images r, r + W, r + 2 W and so on; the last processes can get one image less.

    Args:
        train: Config of the loader of training images.
        test: Config of the loader of test images.
        where: Start of error messages.
        seed: Seed of the workers.

    Raises:
        ValueError: The data sets have different classes.
    """
    loaders = [Runner.build_dataloader(_in_order(config), seed=seed) for config in (train, test)]
    of_train, of_test = (
        getattr(loader.dataset, "metainfo", {}).get("classes") for loader in loaders
    )
    if None not in (of_train, of_test) and of_train != of_test:
        raise ValueError(
            f"{where}: train and test images have different classes, {of_train} and {of_test}"
        )
    return loaders[0], loaders[1]


def _in_order(loader: Mapping[str, Any]) -> dict[str, Any]:
    left_out = ("batch_sampler", "num_batch_per_epoch")
    kept = {key: value for key, value in loader.items() if key not in left_out}
    sampler = {"type": "DefaultSampler", "shuffle": False, "round_up": False}
    return {**kept, "drop_last": False, "sampler": sampler}


def _with_pipeline(dataset: Mapping[str, Any], pipeline: list | None) -> dict[str, Any]:
    """The config of a data set with another pipeline, or with none."""
    if dataset["type"] == FEW_LABELS:
        return {**dataset, "dataset": _with_pipeline(dataset["dataset"], pipeline)}
    bare = {key: value for key, value in dataset.items() if key != "pipeline"}
    return bare if pipeline is None else {**bare, "pipeline": pipeline}
