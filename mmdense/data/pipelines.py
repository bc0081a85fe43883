"""Properties of a data set config that follow from its transforms.

Data sets may be inside wrappers (``dataset``, ``datasets``), and transforms inside others
(``RandomChoice``). Transform names have no scope: ``mmdet.Resize`` becomes ``Resize``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["draws_nothing", "gives_bgr", "transforms_of", "without_augmentation"]

_WHOLE_IMAGE = ("Resize", "ResizeEdge", "CenterCrop")


def transforms_of(dataset: Any) -> Iterator[list[str]]:
    """Yield the transform names of each pipeline in the config of a data set."""
    if isinstance(dataset, Mapping):
        if isinstance(dataset.get("pipeline"), list | tuple):
            yield list(_names(dataset["pipeline"]))
        for key, value in dataset.items():
            if key != "pipeline":
                yield from transforms_of(value)
    elif isinstance(dataset, list | tuple):
        for value in dataset:
            yield from transforms_of(value)


def gives_bgr(dataset: Any) -> bool:
    """Return whether images are BGR, as from upstream's loaders; arrays and PackImage give RGB."""
    names = {name for names in transforms_of(dataset) for name in names}
    return any(name.startswith("LoadImage") for name in names) and "PackImage" not in names


def without_augmentation(dataset: Any) -> Any:
    """Return the config with only the transforms that load, resize, centre crop and pack.

    A pipeline without a final packing step gets MMPretrain's ``PackInputs``.
    """
    if isinstance(dataset, list | tuple):
        return [without_augmentation(one) for one in dataset]
    clean = {
        key: without_augmentation(value) if key in ("dataset", "datasets") else value
        for key, value in dataset.items()
    }
    if dataset.get("pipeline"):
        steps = [step for step in dataset["pipeline"] if draws_nothing(_bare(step))]
        if not _bare(steps[-1] if steps else {}).startswith("Pack"):
            steps.append({"type": "mmpretrain.PackInputs"})
        clean["pipeline"] = steps
    return clean


def draws_nothing(name: str) -> bool:
    """Return whether a transform is deterministic: it loads, resizes or packs."""
    return name.startswith(("Load", "Pack")) or name in _WHOLE_IMAGE


def _bare(step: Mapping[str, Any]) -> str:
    kind = step.get("type", "")
    return kind.rpartition(".")[2] if isinstance(kind, str) else kind.__name__


def _names(steps: Any) -> Iterator[str]:
    if isinstance(steps, Mapping):
        if steps.get("type"):
            yield _bare(steps)
        yield from _names(steps.get("transforms"))
    elif isinstance(steps, list | tuple):
        for step in steps:
            yield from _names(step)
