"""Readings of a run without the hook, from its checkpoints and fixed training images.

Letters: N images, V views, D channels.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner
from torch import Tensor, nn

from mmdense.checkpoints.read import read_checkpoint, state_dict_of
from mmdense.collapse import readings
from mmdense.collapse.collapse_hook import CollapseHook
from mmdense.collapse.fixed_images import clean_features, view_features
from mmdense.collapse.history import History
from mmdense.collapse.taps import Parts, Tap, as_vectors, find_parts, last_free_norm
from mmdense.evaluation.features import evaluating


def history_of_checkpoints(
    cfg: Config, checkpoints: Sequence[str | Path], *, images: int | None = None
) -> History:
    """Return curves with one point for each checkpoint, and the verdict on the last checkpoint.

    The model is in eval mode, so BatchNorm uses the statistics of the checkpoint. If the config has
    a ``CollapseHook``, its names, limits and number of images are used. Readings that need a
    training step are missing.

    Args:
        cfg: With ``model`` and ``train_dataloader``.
        checkpoints: Files or URLs, in the order of training. The step of a checkpoint is its
            iteration, or else its position in the list, from 1.
        images: Maximum number of images, N; default: that of the hook.

    Raises:
        ValueError: The config lacks a part, a checkpoint does not match the model (the message
            lists the keys), or there are fewer than two images.
    """
    hook = _hook_of(cfg)
    init_default_scope(cfg.get("default_scope") or "mmpretrain")
    model, dataset, collate = _build(cfg)
    parts = find_parts(model, layout=hook.views, **hook.names)
    given = (model, dataset, collate, parts, images or hook.images)
    contents = [(path, read_checkpoint(path)) for path in checkpoints]
    for path, content in contents:  # before any work
        _load(model, state_dict_of(content, path), path)
    history = History()
    history.begin(model, hook.limits)
    history.facts["checkpoints"] = [Path(str(path)).name for path in checkpoints]
    norm = None if parts.encoder_only else last_free_norm(parts.projector)
    for place, (path, content) in enumerate(contents, start=1):
        _load(model, state_dict_of(content, path), path)
        step = int(content.get("meta", {}).get("iter", place))
        before = norm and Tap(norm, "projector", inputs=True, in_training=False)
        views = view_features(*given)
        kept = list(before.outputs) if before else []  # of the views, not of the clean images
        if before:
            before.close()
        read_features(history, step, views, model=model, parts=parts, before=kept)
        history.add_spaces(step, views, clean_features(*given))
    history.verdict = history.judge(hook.limits)
    return history


@torch.no_grad()
def read_features(
    history: History,
    step: int,
    views: dict[str, Tensor],
    *,
    model: nn.Module,
    parts: Parts,
    before: Sequence[Tensor] = (),
) -> None:
    """Add the readings of the views of one checkpoint to a history.

    Args:
        history: Gets the readings.
        step: Step of the checkpoint.
        views: By space, from :func:`view_features`. [N, V, D]
        model: In train or eval mode.
        parts: Modules of the model.
        before: Inputs of a last BatchNorm without affine weights, if there is one. [.., D]

    Raises:
        ValueError: There are fewer than two images.
    """
    z = list(views["backbone" if parts.encoder_only else "projector"].unbind(dim=1))  # [N, D]
    size, channels = z[0].shape
    if size < 2:
        raise ValueError(f"the readings need at least two images, found {size}; see --images")
    history.note_batch(size, size * len(z), channels, centre_hidden=bool(before))
    values, _ = readings.step_readings(z, list)
    found = dict(zip(readings.STEP, values.tolist(), strict=True))
    if before:
        found["m_o_before_norm"] = float(readings.step_readings(before, list)[0][0])
    if all(bool(view.isfinite().all()) for view in z):
        with evaluating(model):
            p = [] if parts.predictor is None else [_predicted(parts, view) for view in z[:2]]
        found |= readings.batch_readings(z[:2], p)
        if p:
            of_p = readings.step_readings(p, list)[0][:3].tolist()
            found |= dict(zip(("p_m_o", "p_m_r", "p_std"), of_p, strict=True))
    history.add(step, found)


def _hook_of(cfg: Config) -> CollapseHook:
    """The hook of the config, or one with its defaults."""
    for hook in [*(cfg.get("custom_hooks") or []), *(cfg.get("default_hooks") or {}).values()]:
        if hook and hook.get("type", "").rpartition(".")[2] == CollapseHook.__name__:
            return CollapseHook(
                **{key: value for key, value in hook.items() if key not in ("type", "priority")}
            )
    return CollapseHook()


def _build(cfg: Config) -> tuple[Any, Any, Any]:
    """Model, training set and collate function of a config."""
    for key in ("model", "train_dataloader"):
        if cfg.get(key) is None:
            raise ValueError(f"{cfg.filename} has no {key}: use the config of the training")
    model_cfg = {**cfg.model}
    if cfg.get("data_preprocessor") is not None:
        model_cfg.setdefault("data_preprocessor", cfg.data_preprocessor)
    model = MODELS.build(model_cfg).to(get_device())
    in_this_process = {"num_workers": 0, "persistent_workers": False}
    loader: Any = Runner.build_dataloader({**cfg.train_dataloader, **in_this_process}, seed=0)
    return model, loader.dataset, loader.collate_fn


def _load(model: nn.Module, weights: dict[str, Tensor], path: str | Path) -> None:
    """Load weights; raise unless the file has every tensor of the model, in its shape."""
    use = "Use the config of the training of this checkpoint"
    try:
        missing = model.load_state_dict(weights, strict=False).missing_keys
    except RuntimeError as error:  # other shapes
        raise ValueError(f"{path}: {error}. {use}") from error
    missing = [key for key in missing if "num_batches_tracked" not in key]
    if missing:
        shown = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if missing[4:] else "")
        raise ValueError(f"{path} lacks {shown}. {use}")


def _predicted(parts: Parts, z: Tensor) -> Tensor:
    assert parts.predictor is not None
    try:
        output = parts.predictor((z,))  # necks and predictors of MMPretrain take a tuple
    except (TypeError, AttributeError):
        output = parts.predictor(z)
    return as_vectors(output, of="predictor", first=True).float()
