"""Readings of a run without the hook, from its checkpoints and fixed training images.

Letters: N images, V views, D channels.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner
from torch import Tensor, nn

from mmdense.checkpoints.read import read_checkpoint, state_dict_of
from mmdense.collapse import decompose, readings, verdict
from mmdense.collapse.fixed_images import clean_features, view_features
from mmdense.collapse.history import History
from mmdense.collapse.taps import Parts, as_vectors, find_parts, last_free_norm, method_name
from mmdense.evaluation.features import evaluating

__all__ = ["history_of_checkpoints", "read_features"]

_HOOK = "CollapseHook"
_IMAGES = 512


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
        images: Maximum number of images, N; default: that of the hook, or 512.

    Raises:
        ValueError: The config lacks a part, a checkpoint does not match the model (the message
            lists the keys), or there are fewer than two images.
    """
    options = _hook_options(cfg)
    count = images or options.get("images", _IMAGES)
    init_default_scope(cfg.get("default_scope") or "mmpretrain")
    model, dataset, collate = _build(cfg)
    named = {key: options[key] for key in ("backbone", "projector", "predictor") if key in options}
    parts = find_parts(model, layout=options.get("views"), **named)
    contents = [(path, read_checkpoint(path)) for path in checkpoints]
    for path, content in contents:
        _check_fit(model, state_dict_of(content, path), path)
    history = History()
    limits = verdict.limits_of(options.get("limits", {}))
    history.facts.update(method=method_name(model), limits=asdict(limits))
    history.facts["checkpoints"] = [Path(str(path)).name for path in checkpoints]
    for place, (path, content) in enumerate(contents, start=1):
        model.load_state_dict(state_dict_of(content, path), strict=False)  # checked above
        step = int(content.get("meta", {}).get("iter", place))
        before = _BeforeNorm(parts)
        given = (model, dataset, collate, parts, count)
        views = view_features(*given)
        before.close()  # only for views, not for clean images
        read_features(
            history,
            step,
            views,
            clean_features(*given),
            model=model,
            parts=parts,
            before=before.kept,
        )
    found = history.judge(limits)
    history.verdict = (found.name, found.reason)
    return history


@torch.no_grad()
def read_features(
    history: History,
    step: int,
    views: dict[str, Tensor],
    clean: dict[str, Tensor],
    *,
    model: nn.Module,
    parts: Parts,
    before: Sequence[Tensor] = (),
) -> None:
    """Add the readings of one checkpoint to a history.

    Args:
        history: Gets the readings.
        step: Step of the checkpoint.
        views: By space, from :func:`view_features`. [N, V, D]
        clean: By space, from :func:`clean_features`; can be empty. [N, D]
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
    history.facts.update(
        batch=size,
        vectors=size * len(z),
        channels=channels,
        centre_floor=decompose.centre_floor(size * len(z)),
        centre_hidden=bool(before),
    )
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
    history.add_spaces(step, views, clean)


class _BeforeNorm:
    """Keeps the inputs of a last BatchNorm without affine weights, if the projector has one."""

    def __init__(self, parts: Parts) -> None:
        norm = None if parts.encoder_only else last_free_norm(parts.projector)
        self.kept: list[Tensor] = []
        self._handle = None if norm is None else norm.register_forward_pre_hook(self._keep)

    def _keep(self, module: nn.Module, inputs: Any) -> None:
        self.kept.append(as_vectors(inputs, of="projector", first=True).detach())

    def close(self) -> None:
        if self._handle is not None:
            self._handle.remove()


def _hook_options(cfg: Config) -> dict[str, Any]:
    for hook in [*(cfg.get("custom_hooks") or []), *(cfg.get("default_hooks") or {}).values()]:
        if hook and hook.get("type", "").rpartition(".")[2] == _HOOK:
            return {key: value for key, value in hook.items() if value is not None}
    return {}


def _build(cfg: Config) -> tuple[Any, Any, Any]:
    """Model, training set and collate function of a config."""
    for key in ("model", "train_dataloader"):
        if cfg.get(key) is None:
            raise ValueError(f"{cfg.filename} has no {key}: use the config of the training")
    model_cfg = {**cfg.model}
    if cfg.get("data_preprocessor") is not None:
        model_cfg.setdefault("data_preprocessor", cfg.data_preprocessor)
    model = MODELS.build(model_cfg).to(get_device())
    loader: Any = Runner.build_dataloader({**cfg.train_dataloader, **_IN_THIS_PROCESS}, seed=0)
    return model, loader.dataset, loader.collate_fn


_IN_THIS_PROCESS = {"num_workers": 0, "persistent_workers": False}


def _check_fit(model: nn.Module, weights: dict[str, Tensor], path: str | Path) -> None:
    """Raise unless the file has every tensor of the model, in its shape."""
    wanted = model.state_dict()
    missing = [key for key in wanted if key not in weights and "num_batches_tracked" not in key]
    unlike = [
        f"{key} {tuple(weights[key].shape)} instead of {tuple(value.shape)}"
        for key, value in wanted.items()
        if key in weights and weights[key].shape != value.shape
    ]
    for what, keys in (("lacks", missing), ("has other shapes for", unlike)):
        if keys:
            shown = ", ".join(keys[:4]) + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")
            raise ValueError(
                f"{path} {what} {shown}. Use the config of the training of this checkpoint"
            )


def _predicted(parts: Parts, z: Tensor) -> Tensor:
    assert parts.predictor is not None
    try:
        output = parts.predictor((z,))  # necks and predictors of MMPretrain take a tuple
    except (TypeError, AttributeError):
        output = parts.predictor(z)
    return as_vectors(output, of="predictor", first=True).float()
