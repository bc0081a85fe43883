"""The model of a config with the weights that it learnt."""

from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import MODELS, init_default_scope

from mmdense.checkpoints.read import read_checkpoint, state_dict_of

__all__ = ["load_trained"]


def load_trained(cfg: Config, checkpoint: str | Path, *, without: tuple[str, ...] = ()) -> Any:
    """The model of a config with all of its weights from a checkpoint, in eval mode.

    Args:
        cfg: of the training.
        checkpoint: of the training.
        without: beginnings of names of weights that nobody will use; they are not read, and may
            lack.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: The config has no model, or weights are missing, unknown, or of another shape;
            the message lists them.
    """
    if cfg.get("model") is None:
        raise ValueError(f"{cfg.filename} has no model; name the config that the run was made with")
    init_default_scope(cfg.get("default_scope") or "mmengine")
    settings = dict(cfg.model)
    if cfg.get("data_preprocessor") is not None:
        settings.setdefault("data_preprocessor", cfg.data_preprocessor)
    model = MODELS.build(settings)
    weights = state_dict_of(read_checkpoint(checkpoint), str(checkpoint))
    weights = {name: one for name, one in weights.items() if not name.startswith(without)}
    try:
        missing, unknown = model.load_state_dict(weights, strict=False)
    except RuntimeError as error:  # torch lists every weight of another shape
        raise ValueError(f"{checkpoint} is not of {cfg.filename}: {error}") from error
    missing = [name for name in missing if not name.startswith(without)]
    for what, names in (("lacks", missing), ("has besides", unknown)):
        if names:
            shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            raise ValueError(
                f"{checkpoint} {what} {len(names)} weights of the model of {cfg.filename}: "
                f"{shown}; is it the checkpoint of this config?"
            )
    model.to(get_device())
    model.eval()  # that of some modules gives nothing back
    return model
