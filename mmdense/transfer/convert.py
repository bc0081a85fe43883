"""A checkpoint for the backbone of a config, as a file; and the proof that it computes the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from mmengine.registry import MODELS, init_default_scope
from torch import Tensor, nn

from mmdense.checkpoints.atomic_backend import write_atomically
from mmdense.checkpoints.publish import weights_as_bytes
from mmdense.engine.config_options import read_config
from mmdense.transfer.backbone import load_backbone
from mmdense.transfer.split_resnet import join_stages

__all__ = ["convert", "largest_difference"]

_TOLERANCE = 1e-5  # of features whose root mean square is 1


def convert(
    checkpoint: str,
    target: str,
    out: str | None,
    source: str | None,
    *,
    overrides: Mapping[str, Any] | None = None,
    **options: Any,
) -> Iterator[str]:
    """Fill the backbone of a config, and write its weights below ``backbone.``.

    Args:
        checkpoint: file or address.
        target: config of the target.
        out: file to write, .pth or .safetensors.
        source: config of the source, to compare features with.
        overrides: of the target's config, by dotted keys.
        options: of :func:`~mmdense.transfer.backbone.load_backbone`.

    Yields:
        What was done, for people.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: the checkpoint does not fit, the name of the output has another ending, or the
            features differ.
    """
    if out is not None and Path(out).suffix not in (".pth", ".safetensors"):
        raise ValueError(f"-o {out}: give a name that ends in .pth or .safetensors")
    backbone, preprocessor = build_backbone(target, overrides)
    model = SimpleNamespace(data_preprocessor=preprocessor)
    yield load_backbone(backbone, checkpoint, model=model, **options).table()
    if source is not None:
        origin, _ = build_backbone(source)
        load_backbone(origin, checkpoint, **options)
        try:
            difference = largest_difference(origin, backbone)
        except ValueError as error:
            raise ValueError(f"{source} and {target}: {error}") from error
        if not difference <= _TOLERANCE:
            raise ValueError(
                f"the features of {source} and {target} differ by {difference:.2g} of their root "
                "mean square; nothing was written. Are the two built alike (out_indices, final "
                "norm, windows, size of the picture)?"
            )
        yield f"the same features as {source}: they differ by {difference:.1g} at most"
    if out is not None:
        weights = {f"backbone.{name}": value for name, value in backbone.state_dict().items()}
        write_atomically(weights_as_bytes(weights, Path(out).suffix), out)
        yield f"wrote {out}"


def build_backbone(
    config: str, overrides: Mapping[str, Any] | None = None
) -> tuple[nn.Module, nn.Module]:
    """The backbone of a config in eval mode, and its data preprocessor.

    Args:
        config: file.
        overrides: of the config, by dotted keys.

    Raises:
        FileNotFoundError: there is no such config.
        ValueError: it has no ``model.backbone``.
    """
    if not Path(config).is_file():
        raise FileNotFoundError(f"there is no config file {config}")
    cfg = read_config(config, overrides)
    init_default_scope(cfg.get("default_scope") or "mmengine")
    model = cfg.get("model") or {}
    if "backbone" not in model:
        raise ValueError(f"{config} has no model.backbone")
    backbone = MODELS.build({**model["backbone"], "init_cfg": None})
    head = model.get("roi_head", {}).get("shared_head")
    if head is not None:  # the last stage of a detector of the C4 kind
        shared = SimpleNamespace(shared_head=MODELS.build({**head, "init_cfg": None}))
        backbone = join_stages(backbone, SimpleNamespace(backbone=backbone, roi_head=shared))
    backbone.eval()
    found = model.get("data_preprocessor") or cfg.get("data_preprocessor") or {}
    # MMPretrain's data configs say only with what the type of the model's own is built.
    return backbone, MODELS.build(found) if "type" in found else _statistics(found)


def _statistics(found: Mapping[str, Any]) -> nn.Module:
    """Mean and standard deviation of a data preprocessor whose type is not said."""
    module = nn.Module()
    for name in ("mean", "std"):
        if name in found:
            module.register_buffer(name, torch.tensor(found[name], dtype=torch.float))
    return module


@torch.no_grad()
def largest_difference(
    one: nn.Module, other: nn.Module, size: tuple[int, int] = (224, 224)
) -> float:
    """Largest difference of the last features of two backbones, over their root mean square.

    Args:
        one: in eval mode.
        other: the same.
        size: height and width of the picture, which is drawn.

    Raises:
        ValueError: they see different numbers of channels, or their features have different
            shapes.
    """
    channels = [_input_channels(backbone) for backbone in (one, other)]
    if channels[0] != channels[1]:
        raise ValueError(
            f"{type(one).__name__} sees {channels[0]} channels, {type(other).__name__} "
            f"{channels[1]}: no picture can be given to both; compare without --from"
        )
    picture = torch.randn(1, channels[0], *size, generator=torch.Generator().manual_seed(0))
    found = [_last(backbone(picture)) for backbone in (one, other)]
    if found[0].shape != found[1].shape:
        raise ValueError(
            f"features of {[*found[0].shape]} and of {[*found[1].shape]}: give both configs the "
            "same out_type, out_indices and depth"
        )
    scale = found[0].square().mean().sqrt()
    return float((found[0] - found[1]).abs().max() / scale)


def _input_channels(backbone: nn.Module) -> int:
    """Channels of a picture: those of the first convolution."""
    found = (part for part in backbone.modules() if isinstance(part, nn.Conv2d))
    return next((part.in_channels for part in found), 3)


def _last(output: Any) -> Tensor:
    return output if isinstance(output, Tensor) else _last(output[-1])
