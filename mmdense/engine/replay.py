"""Run a training step again that :mod:`mmdense.engine.non_finite` has saved."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from mmdense.checkpoints.read import read_checkpoint
from mmdense.engine.exact_loader import seed_step

__all__ = ["Replay", "replay"]


class Replay(NamedTuple):
    """What a step did when it was run again."""

    weights: list[str]  # names of parameters and buffers that were not finite before the step
    inputs: list[str]  # paths within the batch, such as `inputs.0`, of tensors that are not finite
    module: str | None  # the first whose output is not finite
    losses: dict[str, float]  # by name
    backward: str | None  # torch's message on the first backward function that gave NaN


def replay(path: str | Path) -> Replay:
    """Run the saved step under torch's anomaly detection, on the CPU.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no saved step.
    """
    content = read_checkpoint(path, classes=_element_classes())
    if not {"config", "batch", "state_dict"} <= content.keys():
        raise ValueError(f"{path} is no step that NonFiniteHook saved; keys: {list(content)[:5]}")
    cfg = Config.fromstring(content["config"], file_format=".py")
    with DefaultScope.overwrite_default_scope(cfg.get("default_scope", "mmengine")):
        model = MODELS.build(cfg.model)
        wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    model.load_state_dict(content["state_dict"])
    model.train()
    weights = [name for name, value in model.state_dict().items() if not _is_finite(value)]
    seed_step(content["seed"], content["iteration"], content["rank"])
    losses: dict[str, float] = {}
    backward = None
    with _first_non_finite(model) as found, torch.autograd.set_detect_anomaly(True):
        try:
            outputs = model.train_step(content["batch"], wrapper)
            losses = {name: float(value) for name, value in outputs.items()}
        except RuntimeError as error:
            if "returned nan" not in str(error):
                raise
            backward = str(error)
    module = found[0] if found else None
    return Replay(weights, list(_not_finite(content["batch"])), module, losses, backward)


def _element_classes() -> list[type]:
    """Return upstream's classes for annotations in a batch, which are known once imported."""
    import mmdet.structures.bbox as boxes
    import mmdet.structures.mask as masks
    import mmpretrain.structures  # noqa: F401
    import mmseg.structures  # noqa: F401

    found, waiting = [], [BaseDataElement]
    while waiting:
        kind = waiting.pop()
        found.append(kind)
        waiting += kind.__subclasses__()
    return [*found, boxes.HorizontalBoxes, masks.BitmapMasks, masks.PolygonMasks]


@contextmanager
def _first_non_finite(model: nn.Module) -> Iterator[list[str]]:
    """Collect the name of each module whose output is not finite, innermost first."""
    found: list[str] = []

    def look(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, outputs: Any) -> None:
            if next(_not_finite(outputs), None) is not None:
                found.append(f"{name} ({type(module).__name__})")

        return hook

    handles = [m.register_forward_hook(look(name)) for name, m in model.named_modules() if name]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _not_finite(value: Any, path: str = "") -> Iterator[str]:
    """Paths of the tensors below ``value`` that are not finite."""
    if isinstance(value, Tensor):
        if not _is_finite(value):
            yield path
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _not_finite(entry, f"{path}.{key}".strip("."))
    elif isinstance(value, list | tuple):
        for index, entry in enumerate(value):
            yield from _not_finite(entry, f"{path}.{index}".strip("."))
    elif isinstance(value, BaseDataElement):
        for key, entry in value.items():
            yield from _not_finite(entry, f"{path}.{key}".strip("."))


def _is_finite(value: Tensor) -> bool:
    return not value.is_floating_point() or bool(value.isfinite().all())
