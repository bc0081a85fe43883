"""Build the model of a config with its trained weights."""

from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import MODELS, init_default_scope

from mmdense.checkpoints.read import read_checkpoint, state_dict_of

__all__ = ["load_trained"]


def load_trained(cfg: Config, checkpoint: str | Path, *, without: tuple[str, ...] = ()) -> Any:
    """Return the model of a config in eval mode, with all weights from a checkpoint.

    ``without`` has prefixes of weights that are not used: they are not loaded, and may be missing.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: The config has no model, or weights are missing, unexpected or have another
            shape; the message lists them.
    """
    if cfg.get("model") is None:
        raise ValueError(f"{cfg.filename} has no model; pass the config of the training")
    init_default_scope(cfg.get("default_scope") or "mmengine")
    settings = dict(cfg.model)
    if cfg.get("data_preprocessor") is not None:
        settings.setdefault("data_preprocessor", cfg.data_preprocessor)
    model = MODELS.build(settings)
    weights = state_dict_of(read_checkpoint(checkpoint), str(checkpoint))
    weights = {name: one for name, one in weights.items() if not name.startswith(without)}
    try:
        missing, unexpected = model.load_state_dict(weights, strict=False)
    except RuntimeError as error:  # torch lists every weight of another shape
        raise ValueError(f"{checkpoint} does not fit {cfg.filename}: {error}") from error
    missing = [name for name in missing if not name.startswith(without)]
    for what, names in (("missing", missing), ("unexpected", unexpected)):
        if names:
            shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            raise ValueError(
                f"{checkpoint} does not fit {cfg.filename}: {len(names)} {what} weights: {shown}. "
                "Is it the checkpoint of this config?"
            )
    model.to(get_device())
    model.eval()  # which returns None in some models
    return model
