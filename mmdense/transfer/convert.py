"""A checkpoint converted for the backbone of a config, and the check that both compute the same."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmdense.checkpoints.atomic_backend import write_atomically
from mmdense.checkpoints.publish import weights_as_bytes
from mmdense.config.options import read_config
from mmdense.transfer.apply import build_backbone, load_alone, load_backbone

__all__ = ["convert"]

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
    """Load the backbone of a config, and write its weights with the prefix ``backbone.``.

    Args:
        checkpoint: File or address.
        target: Config of the target.
        out: File to write, .pth or .safetensors.
        source: Config of the source, to compare features with.
        overrides: Of the target's config, by dotted keys.
        options: Of :func:`~mmdense.transfer.apply.load_backbone`.

    Yields:
        Messages for people.

    Raises:
        ValueError: The checkpoint does not fit, the output has another suffix, or the features
            differ.
    """
    if out is not None and Path(out).suffix not in (".pth", ".safetensors"):
        raise ValueError(f"-o {out}: the name must end in .pth or .safetensors")
    backbone, report = load_alone(read_config(target, overrides), checkpoint, **options)
    yield report.table()
    if source is not None:
        origin, _ = build_backbone(read_config(source))
        load_backbone(origin, checkpoint, **options)
        try:
            difference = _largest_difference(origin, backbone)
        except ValueError as error:
            raise ValueError(f"{source} and {target}: {error}") from error
        if not difference <= _TOLERANCE:
            raise ValueError(
                f"the features of {source} and {target} differ by {difference:.2g} of their root "
                "mean square; nothing was written. Compare out_indices, final norm, windows and "
                "image size of the two configs."
            )
        yield f"same features as {source}: largest difference {difference:.1g}"
    if out is not None:
        weights = {f"backbone.{name}": value for name, value in backbone.state_dict().items()}
        write_atomically(weights_as_bytes(weights, Path(out).suffix), out)
        yield f"wrote {out}"


@torch.no_grad()
def _largest_difference(one: nn.Module, other: nn.Module) -> float:
    """Largest difference of the last features of two backbones, over their root mean square."""
    channels = [_input_channels(backbone) for backbone in (one, other)]
    if channels[0] != channels[1]:
        raise ValueError(
            f"{type(one).__name__} has {channels[0]} input channels, {type(other).__name__} "
            f"{channels[1]}: there is no common image to compare with; omit --from"
        )
    image = torch.randn(1, channels[0], 224, 224, generator=torch.Generator().manual_seed(0))
    found = [_last(backbone(image)) for backbone in (one, other)]
    if found[0].shape != found[1].shape:
        raise ValueError(
            f"features of shapes {[*found[0].shape]} and {[*found[1].shape]}: use the same "
            "out_type, out_indices and depth in both configs"
        )
    scale = found[0].square().mean().sqrt()
    return float((found[0] - found[1]).abs().max() / scale)


def _input_channels(backbone: nn.Module) -> int:
    """Input channels of the first convolution."""
    found = (part for part in backbone.modules() if isinstance(part, nn.Conv2d))
    return next((part.in_channels for part in found), 3)


def _last(output: Any) -> Tensor:
    return output if isinstance(output, Tensor) else _last(output[-1])
