"""From the folder of a run to its model with the weights that it learnt."""

from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from mmdense.checkpoints.read import read_checkpoint, state_dict_of

__all__ = ["backbone_of", "find_checkpoint", "find_config", "load_trained"]


def find_config(work_dir: Path) -> Path:
    """The config that a run left in its folder.

    Raises:
        FileNotFoundError: There is no such folder, or no config in it.
        ValueError: There are several configs.
    """
    if not work_dir.is_dir():
        raise FileNotFoundError(f"there is no folder {work_dir}")
    found = sorted(work_dir.glob("*.py"))
    if not found:
        raise FileNotFoundError(
            f"{work_dir} has no config: looked for {work_dir}/*.py, which a training writes; "
            "name it with --config"
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise ValueError(f"{work_dir} has {len(found)} configs, {names}; choose with --config")
    return found[0]


def find_checkpoint(work_dir: Path) -> Path:
    """The checkpoint that ``last_checkpoint`` in the folder of a run names.

    A folder that was moved has its checkpoints beside that file, whatever path stands in it.

    Raises:
        FileNotFoundError: There is no such file, or not the checkpoint that it names.
    """
    note = work_dir / "last_checkpoint"
    if not note.is_file():
        raise FileNotFoundError(
            f"{work_dir} has no checkpoint: looked for the file {note}, which names the last one; "
            "name one with --checkpoint"
        )
    named = Path(note.read_text().strip())
    for path in (named, work_dir / named.name):
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"{note} names {named}, which is not there, nor is {work_dir / named.name}; name a "
        "checkpoint with --checkpoint"
    )


def load_trained(cfg: Config, checkpoint: str | Path) -> Any:
    """The model of a config with all of its weights from a checkpoint, in eval mode.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: The config has no model, or weights are missing or of another shape.
    """
    if cfg.get("model") is None:
        raise ValueError(f"{cfg.filename} has no model; name the config that the run was made with")
    init_default_scope(cfg.get("default_scope") or "mmpretrain")
    settings = dict(cfg.model)
    if cfg.get("data_preprocessor") is not None:
        settings.setdefault("data_preprocessor", cfg.data_preprocessor)
    model = MODELS.build(settings)
    weights = state_dict_of(read_checkpoint(checkpoint), str(checkpoint))
    try:
        missing, _ = model.load_state_dict(weights, strict=False)
    except RuntimeError as error:  # torch lists every weight of another shape
        raise ValueError(f"{checkpoint} is not of {cfg.filename}: {error}") from error
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise ValueError(
            f"{checkpoint} lacks {len(missing)} weights of the model of {cfg.filename}: {shown}; "
            "is it the checkpoint of this config?"
        )
    model.to(get_device())
    model.eval()  # that of some modules gives nothing back
    return model


def backbone_of(model: nn.Module) -> nn.Module:
    """The backbone of a host's model.

    Raises:
        ValueError: It has none.
    """
    backbone = getattr(model, "backbone", None)
    if not isinstance(backbone, nn.Module):
        parts = ", ".join(name for name, _ in model.named_children()) or "none"
        raise ValueError(
            f"{type(model).__name__} has no backbone: looked for the module `backbone` of the "
            f"model, whose modules are {parts}"
        )
    return backbone
