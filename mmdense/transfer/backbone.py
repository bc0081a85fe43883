"""From a training checkpoint to the backbone of another model, strictly.

MMEngine's own ``init_cfg=dict(type='Pretrained')`` only warns about keys that do not fit: a
wrong prefix leaves the backbone at random and the run goes on. Here anything that the backbone
needs and the file lacks ends the run before its first step.
"""

from pathlib import Path
from typing import NamedTuple

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn

from mmdense.checkpoints.download import is_address
from mmdense.checkpoints.read import read_checkpoint, state_dict_of
from mmdense.registry import HOOKS

__all__ = ["LoadBackboneHook", "TransferReport", "load_backbone"]

_SHOWN = 5  # keys named in an error message before it says "and N more"


class TransferReport(NamedTuple):
    """What was loaded.

    Attributes:
        source: The checkpoint.
        tensors: Tensors copied, buffers included.
        parameters: Numbers in the copied parameters and buffers.
        left: Keys below the prefix that the backbone has no place for (a classifier head, say).
    """

    source: str
    tensors: int
    parameters: int
    left: list[str]

    def __str__(self) -> str:
        left = f", {len(self.left)} keys of the file not needed" if self.left else ""
        return (
            f"backbone: all {self.tensors} tensors ({self.parameters:,} numbers) "
            f"from {self.source}{left}"
        )


def load_backbone(
    backbone: nn.Module, checkpoint: str | Path, *, prefix: str = "backbone."
) -> TransferReport:
    """Fill every tensor of ``backbone`` from the keys of ``checkpoint`` that start with ``prefix``.

    Nothing is written to the backbone unless everything fits.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file holds no state dict, nothing below the prefix, or lacks a tensor that
            the backbone needs, or has one in another shape; the message names the keys.
    """
    weights = state_dict_of(read_checkpoint(checkpoint), checkpoint)
    source = _below(weights, prefix, checkpoint)
    target = backbone.state_dict()
    missing = [key for key in target if key not in source and not _is_counter(key)]
    unlike = [
        f"{key} {tuple(source[key].shape)} instead of {tuple(value.shape)}"
        for key, value in target.items()
        if key in source and source[key].shape != value.shape
    ]
    if missing or unlike:
        raise ValueError(
            f"{checkpoint} does not fit {type(backbone).__name__}"
            f"{_listing('missing', missing)}{_listing('of another shape', unlike)}. Build the "
            "backbone with the depth, width and stem that the checkpoint was trained with."
        )
    matched = {key: source[key] for key in target if key in source}
    backbone.load_state_dict(matched, strict=False)
    numbers = sum(value.numel() for value in matched.values())
    return TransferReport(str(checkpoint), len(matched), numbers, sorted(set(source) - set(target)))


@HOOKS.register_module()
class LoadBackboneHook(Hook):
    """Loads ``model.backbone`` when training starts from the beginning, after every initialiser.

    A resumed run already carries its own weights, so nothing is loaded then.

    Args:
        checkpoint: File whose ``backbone.*`` keys are taken.
    """

    priority = "VERY_HIGH"

    def __init__(self, checkpoint: str) -> None:
        if not is_address(checkpoint) and not Path(checkpoint).is_file():
            raise FileNotFoundError(f"--init {checkpoint}: there is no such file")
        self.checkpoint = checkpoint

    def before_train(self, runner: Runner) -> None:
        """Load once, after ``init_weights`` and ``load_from``."""
        if runner.iter > 0:
            return
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        print_log(str(load_backbone(model.backbone, self.checkpoint)), logger="current")


def _below(state: dict[str, Tensor], prefix: str, path: str | Path) -> dict[str, Tensor]:
    found = {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
    if not found:
        heads = sorted({key.split(".")[0] for key in state})
        raise ValueError(
            f"checkpoint {path} has no key that starts with {prefix!r}; its keys start with {heads}"
        )
    return found


def _is_counter(key: str) -> bool:
    """BatchNorm's step counter, which old files lack and nothing depends on."""
    return key.endswith("num_batches_tracked")


def _listing(what: str, keys: list[str]) -> str:
    if not keys:
        return ""
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return f"; {what}: {', '.join(keys[:_SHOWN])}{more}"
