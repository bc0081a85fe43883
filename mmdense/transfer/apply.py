"""Step 3: load a checkpoint into the backbone of a model, or into a whole model, strictly.

``init_cfg=dict(type='Pretrained')`` of MMEngine only warns about keys that do not match: with a
wrong prefix the backbone stays random and the run continues. Here loading fails before the first
step, if a weight of the backbone is missing in the file, or a weight of the file that changes the
output is missing in the backbone, unless ``allow`` lists it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import CheckpointLoader, Runner
from torch import Tensor, nn

from mmdense.checkpoints.atomic_backend import write_atomically
from mmdense.checkpoints.download import is_address
from mmdense.checkpoints.read import read_checkpoint
from mmdense.config.usage_error import UsageError
from mmdense.records.portable import portable_path
from mmdense.registry import HOOKS
from mmdense.transfer.find import FoundBackbone, branch_of, find_backbones, pick_backbone
from mmdense.transfer.naming_schemes.scheme import UNKNOWN
from mmdense.transfer.plan import plan_transfer
from mmdense.transfer.report import TRANSFER_FILE_NAME, TransferReport
from mmdense.transfer.silent_mismatch import SilentMismatch, find_silent_mismatches
from mmdense.transfer.split_resnet import join_stages

__all__ = [
    "IncompatibleCheckpointError",
    "LoadBackboneHook",
    "build_backbone",
    "load_alone",
    "load_backbone",
    "load_model",
]

_WHOLE_MODEL = ("state_dict", "model")  # keys of the weights of a whole model


class IncompatibleCheckpointError(UsageError):
    """A checkpoint does not fit; ``report`` has the reasons."""

    def __init__(self, report: TransferReport) -> None:
        self.report = report
        super().__init__(
            f"{report.checkpoint} does not fit {report.target}.\n  "
            + "\n  ".join(report.faults())
            + f"\n{report.table()}\nBuild the model with the depth, width, heads and stem that the "
            "checkpoint was trained with; or allow differences by the names above: "
            "allow=['norm0.*', 'heads'] in a config, --allow on the command line."
        )


def load_backbone(
    backbone: nn.Module,
    checkpoint: str | Path,
    *,
    branch: str | None = None,
    allow: Sequence[str] = (),
    grid: tuple[int, int] | None = None,
    model: Any = None,
) -> TransferReport:
    """Load a checkpoint with any known key naming scheme into a backbone.

    The backbone changes only if all weights match. The last stage of a ResNet that a detector keeps
    in its RoI head (C4) is loaded with it, see :mod:`~mmdense.transfer.split_resnet`.

    Args:
        backbone: To fill.
        checkpoint: File or address.
        branch: ``'student'``, ``'teacher'`` or ``'ema'`` of a file that has several, see
            :func:`~mmdense.transfer.find.pick_backbone`.
        allow: Names of weights and kinds of mismatches that may be wrong; ``*`` matches any.
        grid: Rows and columns of patches that the source was trained with, if not a square.
        model: The model around the backbone, to check its ``data_preprocessor`` and to fill the
            stage in its RoI head.

    Raises:
        FileNotFoundError: There is no such file.
        IncompatibleCheckpointError: Weights do not match. The message lists them, and shows how to
            allow them.
        ValueError: The file has no backbone, or one of another family.
    """
    content = _read(checkpoint)
    backbone = join_stages(backbone, model)
    try:
        found = find_backbones(content, backbone.state_dict())
    except ValueError as error:
        raise ValueError(f"{checkpoint}: {error}") from error
    chosen = pick_backbone(found, branch, checkpoint)
    mismatches = find_silent_mismatches(content, chosen, backbone, model)
    return _load(checkpoint, chosen, backbone, mismatches, allow, grid)


def load_model(
    model: nn.Module,
    checkpoint: str | Path,
    *,
    branch: str | None = None,
    allow: Sequence[str] = (),
    grid: tuple[int, int] | None = None,
) -> TransferReport:
    """Load a whole model from a file that has one, otherwise its backbone.

    The arguments and errors are those of :func:`load_backbone`. A head with another number of
    classes needs ``allow=['*fc_cls.*', '*fc_reg.*']``. ``branch`` and ``grid`` are refused for a
    file with a whole model.
    """
    content = _read(checkpoint)
    nested = (content[key] for key in _WHOLE_MODEL if isinstance(content.get(key), Mapping))
    weights = {
        key.removeprefix("module."): value
        for key, value in next(nested, content).items()
        if isinstance(value, Tensor)
    }
    backbone = model.get_submodule("backbone")
    if not any(key in weights for key in model.state_dict() if not key.startswith("backbone.")):
        options: dict[str, Any] = {"branch": branch, "allow": allow, "grid": grid}
        return load_backbone(backbone, checkpoint, model=model, **options)
    if branch is not None or grid is not None:
        option = "branch" if branch is not None else "grid"
        raise ValueError(
            f"{checkpoint} has a whole model, so {option} has no effect. Omit it, or load the "
            "backbone alone: module='backbone' of mmdense.LoadBackboneHook, --init of "
            "mmdense train"
        )
    taken = branch_of(content, "state_dict", "state_dict")
    whole = FoundBackbone(weights, [], UNKNOWN, taken, "the whole model")
    of_backbone = {key: value for key, value in weights.items() if key.startswith("backbone.")}
    found = find_backbones({"state_dict": of_backbone}) or [whole]
    mismatches = find_silent_mismatches(content, found[0], backbone, model)
    return _load(checkpoint, whole, model, mismatches, allow)


def load_alone(
    cfg: Config, checkpoint: str | Path, **options: Any
) -> tuple[nn.Module, TransferReport]:
    """Return the backbone of a config in eval mode, with a checkpoint, and what was loaded.

    This shows in seconds whether the checkpoint fits; it needs no data set. The other arguments and
    the errors are those of :func:`load_backbone`; a config without ``model.backbone`` is refused.
    """
    backbone, preprocessor = build_backbone(cfg)
    model = SimpleNamespace(data_preprocessor=preprocessor)
    return backbone, load_backbone(backbone, checkpoint, model=model, **options)


def build_backbone(cfg: Config) -> tuple[nn.Module, nn.Module]:
    """Return the backbone of a config in eval mode, and its data preprocessor.

    Raises:
        ValueError: The config has no ``model.backbone``.
    """
    init_default_scope(cfg.get("default_scope") or "mmengine")
    model = cfg.get("model") or {}
    if "backbone" not in model:
        raise ValueError(f"{cfg.filename} has no model.backbone")
    backbone = MODELS.build({**model["backbone"], "init_cfg": None})
    head = model.get("roi_head", {}).get("shared_head")
    if head is not None:  # the last stage of a C4 detector
        shared = SimpleNamespace(shared_head=MODELS.build({**head, "init_cfg": None}))
        backbone = join_stages(backbone, SimpleNamespace(backbone=backbone, roi_head=shared))
    backbone.eval()
    settings = model.get("data_preprocessor") or cfg.get("data_preprocessor") or {}
    if "type" in settings:
        return backbone, MODELS.build(settings)
    # MMPretrain's data configs only have arguments for the model's own type.
    preprocessor = nn.Module()
    for name in ("mean", "std"):
        if name in settings:
            preprocessor.register_buffer(name, torch.tensor(settings[name], dtype=torch.float))
    return backbone, preprocessor


def _read(checkpoint: str | Path) -> dict[str, Any]:
    """The content of a file, an address or a name that MMEngine resolves (``torchvision://``)."""
    if "://" in str(checkpoint) and not is_address(checkpoint):
        return dict(CheckpointLoader.load_checkpoint(str(checkpoint), map_location="cpu"))
    return read_checkpoint(checkpoint)


def _load(
    checkpoint: str | Path,
    found: FoundBackbone,
    target: nn.Module,
    mismatches: Sequence[SilentMismatch],
    allow: Sequence[str],
    grid: tuple[int, int] | None = None,
) -> TransferReport:
    """Load the weights of the plan if it has no faults."""
    try:
        plan = plan_transfer(found, target, grid=grid)
    except ValueError as error:
        raise ValueError(f"{checkpoint}: {error}") from error
    theirs, ours = (scheme.name for scheme in plan.schemes)
    report = TransferReport(
        checkpoint=str(checkpoint),
        location=found.location,
        branch=found.branch,
        schemes=(theirs, ours),
        target=type(target).__name__,
        entries=plan.entries,
        mismatches=mismatches,
        allowed=tuple(allow),
    )
    if report.faults():
        raise IncompatibleCheckpointError(report)
    target.load_state_dict(plan.weights, strict=False)
    return report


@HOOKS.register_module()
class LoadBackboneHook(Hook):
    """Load weights strictly when a training starts, after every initialiser.

    Nothing is loaded into a resumed run. ``<work_dir>/transfer.json`` lists the weights of all
    hooks of a run.

    ``module`` is the part of the model to fill; if empty, the whole model, see :func:`load_model`.
    The other arguments are those of :func:`load_backbone`.
    """

    priority = "VERY_HIGH"

    def __init__(
        self,
        checkpoint: str,
        branch: str | None = None,
        allow: Sequence[str] = (),
        grid: tuple[int, int] | None = None,
        module: str = "backbone",
    ) -> None:
        if "://" not in str(checkpoint) and not Path(checkpoint).is_file():
            raise FileNotFoundError(
                f"no such checkpoint {checkpoint}: set `checkpoint` or --init to a file, an "
                "address or a name such as package://NAME/PATH"
            )
        self.checkpoint = checkpoint
        self.options: dict[str, Any] = {"branch": branch, "allow": allow, "grid": grid}
        self.module = module
        self._report: TransferReport | None = None

    def before_train(self, runner: Runner) -> None:
        """Load once, after ``init_weights`` and ``load_from``, and write ``transfer.json``."""
        if runner.iter > 0:
            return
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if self.module:
            part = model.get_submodule(self.module)
            report = load_backbone(part, self.checkpoint, model=model, **self.options)
        else:
            report = load_model(model, self.checkpoint, **self.options)
        print_log(str(report), logger="current")
        self._report = replace(report, checkpoint=portable_path(str(self.checkpoint)))
        hooks = [hook for hook in runner.hooks if isinstance(hook, LoadBackboneHook)]
        if self is hooks[-1] and is_main_process():
            reports = [hook._report.as_json() for hook in hooks if hook._report is not None]
            text = json.dumps(reports, ensure_ascii=False, indent=1)
            write_atomically(text.encode(), Path(runner.work_dir) / TRANSFER_FILE_NAME)
