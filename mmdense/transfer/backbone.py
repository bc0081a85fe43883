"""From any checkpoint to the backbone of a model, or to a whole model, strictly.

MMEngine's own ``init_cfg=dict(type='Pretrained')`` only warns about keys that do not fit: a
wrong prefix leaves the backbone at random and the run goes on. Here anything that the backbone
needs and the file lacks, and anything in the file without which it computes something else, ends
the run before its first step, unless it is named as an exception.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import CheckpointLoader, Runner
from torch import Tensor, nn

from mmdense.checkpoints.download import is_address
from mmdense.checkpoints.read import read_checkpoint
from mmdense.records.portable import portable_path
from mmdense.records.record import write_json
from mmdense.registry import HOOKS
from mmdense.transfer.fit import Fit, fit_backbone
from mmdense.transfer.meaning import doubts
from mmdense.transfer.places import dialect_behind
from mmdense.transfer.report import TransferReport
from mmdense.transfer.source import Source, branch_of, find_backbones, pick_backbone
from mmdense.transfer.split_resnet import join_stages

__all__ = ["LoadBackboneHook", "load_backbone", "load_model"]

TRANSFER_FILE_NAME = "transfer.json"
_MODELS = ("state_dict", "model")  # where a file keeps a whole model
_UNKNOWN = "names of the target"


def load_backbone(
    backbone: nn.Module,
    checkpoint: str | Path,
    *,
    branch: str | None = None,
    allow: Sequence[str] = (),
    grid: tuple[int, int] | None = None,
    model: Any = None,
) -> TransferReport:
    """Fill a backbone from a checkpoint of any dialect.

    Nothing is written to the backbone unless everything fits. The last stage of a ResNet that a
    detector keeps in its RoI head (C4) is filled with it: :mod:`~mmdense.transfer.split_resnet`.

    Args:
        backbone: to fill.
        checkpoint: file or address.
        branch: ``'student'``, ``'teacher'`` or ``'ema'`` of a file that has several, see
            :func:`~mmdense.transfer.source.pick_backbone`.
        allow: names of weights, with ``*`` for any, and kinds of doubts that may be wrong.
        grid: rows and columns of patches that the source was trained with, if not a square.
        model: which the backbone is part of, for the check of its ``data_preprocessor``, and for
            what its RoI head keeps.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file holds no backbone, or not this one; the message has the table of what
            fits and what does not, and says how to allow it.
    """
    content = _content(checkpoint)
    backbone = join_stages(backbone, model)
    try:
        found = find_backbones(content, backbone.state_dict())
    except ValueError as error:
        raise ValueError(f"{checkpoint}: {error}") from error
    source = pick_backbone(found, branch, checkpoint)
    fit = _fitted(checkpoint, source, backbone, grid)
    doubted = doubts(content, source, backbone, model)
    return _fill(backbone, fit, _report(checkpoint, source, backbone, fit, doubted, allow))


def load_model(
    model: nn.Module,
    checkpoint: str | Path,
    *,
    branch: str | None = None,
    allow: Sequence[str] = (),
    grid: tuple[int, int] | None = None,
) -> TransferReport:
    """Fill a model from a file that holds all of it, or its backbone from one that holds no more.

    Args:
        model: with a ``backbone``.
        checkpoint: file or address.
        branch: see :func:`load_backbone`; only for a file that holds no more than a backbone.
        grid: the same; the whole of a model must have the sizes of its file.
        allow: the same; a class more in the head needs ``['*fc_cls.*', '*fc_reg.*']``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: as :func:`load_backbone`; or ``branch`` or ``grid`` is given for a file of a
            whole model.
    """
    content = _content(checkpoint)
    flat = next((content[k] for k in _MODELS if isinstance(content.get(k), Mapping)), content)
    weights = {
        name.removeprefix("module."): value
        for name, value in flat.items()
        if isinstance(value, Tensor)
    }
    if not any(name in weights for name in model.state_dict() if not name.startswith("backbone.")):
        part = model.get_submodule("backbone")
        return load_backbone(part, checkpoint, branch=branch, allow=allow, grid=grid, model=model)
    if branch is not None or grid is not None:
        option = "branch" if branch is not None else "grid"
        raise ValueError(
            f"{checkpoint} holds the whole model, which is taken as it stands: {option} has no "
            "effect there. Leave it out, or fill the backbone alone: module='backbone' of "
            "mmdense.LoadBackboneHook, --init of tools/train.py"
        )
    taken = branch_of(content, "state_dict", "state_dict")
    source = Source(weights, [], None, taken, "the whole model")
    fit = _fitted(checkpoint, source, model)
    found = find_backbones({"state_dict": _backbone_of(weights)}) or [source]
    doubted = doubts(content, found[0], model.get_submodule("backbone"), model)
    return _fill(model, fit, _report(checkpoint, source, model, fit, doubted, allow))


def _backbone_of(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in weights.items() if name.startswith("backbone.")}


def _content(checkpoint: str | Path) -> dict[str, Any]:
    """What a file, an address or a name that MMEngine resolves (``torchvision://``) holds."""
    if "://" in str(checkpoint) and not is_address(checkpoint):
        return dict(CheckpointLoader.load_checkpoint(str(checkpoint), map_location="cpu"))
    return read_checkpoint(checkpoint)


def _fitted(
    checkpoint: str | Path, source: Source, target: nn.Module, grid: tuple[int, int] | None = None
) -> Fit:
    """The fit, or an error that names the file."""
    try:
        return fit_backbone(source, target, grid=grid)
    except ValueError as error:
        raise ValueError(f"{checkpoint}: {error}") from error


def _report(
    checkpoint: str | Path,
    source: Source,
    target: nn.Module,
    fit: Fit,
    doubted: dict[str, str],
    allow: Sequence[str],
) -> TransferReport:
    dialects = (source.dialect, dialect_behind(target.state_dict())[1])
    theirs, ours = (_UNKNOWN if dialect is None else dialect.name for dialect in dialects)
    return TransferReport(
        str(checkpoint),
        source.place,
        source.branch,
        (theirs, ours),
        type(target).__name__,
        fit.entries,
        doubted,
        tuple(allow),
    )


def _fill(target: nn.Module, fit: Fit, report: TransferReport) -> TransferReport:
    """Load what fits, if nothing speaks against it."""
    faults = report.faults()
    if faults:
        raise ValueError(
            f"{report.source} does not fit {report.target}.\n  "
            + "\n  ".join(faults)
            + f"\n{report.table()}\nBuild the model with the depth, width, heads and stem that the "
            "checkpoint was trained with; or allow what may differ, by the names above: "
            "allow=['norm0.*', 'heads'], --allow on the command line."
        )
    target.load_state_dict(fit.weights, strict=False)
    return report


@HOOKS.register_module()
class LoadBackboneHook(Hook):
    """Loads weights strictly when training starts from the beginning, after every initialiser.

    A resumed run already carries its own weights, so nothing is loaded then. What the hooks of a
    run have loaded stands in ``<work_dir>/transfer.json``.

    Args:
        checkpoint: file or address, see :func:`load_backbone`.
        branch: the same.
        allow: the same.
        grid: the same.
        module: which part of the model is filled; all of it, see :func:`load_model`, if empty.
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
                f"there is no checkpoint {checkpoint}: give a file, an address or a name such as "
                "package://NAME/PATH, in `checkpoint` or --init"
            )
        self.checkpoint = checkpoint
        self.branch, self.allow, self.grid = branch, allow, grid
        self.module = module
        self._report: dict[str, Any] = {}

    def before_train(self, runner: Runner) -> None:
        """Load once, after ``init_weights`` and ``load_from``, and keep what was loaded."""
        if runner.iter > 0:
            return
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        options: dict[str, Any] = {"branch": self.branch, "allow": self.allow, "grid": self.grid}
        if self.module:
            part = model.get_submodule(self.module)
            report = load_backbone(part, self.checkpoint, model=model, **options)
        else:
            report = load_model(model, self.checkpoint, **options)
        print_log(str(report), logger="current")
        portable = portable_path(str(self.checkpoint))
        self._report = report._replace(source=portable).as_json()
        hooks = [hook for hook in runner.hooks if isinstance(hook, LoadBackboneHook)]
        if self is hooks[-1] and is_main_process():
            kept = [hook._report for hook in hooks]
            write_json(kept, Path(runner.work_dir) / TRANSFER_FILE_NAME)
