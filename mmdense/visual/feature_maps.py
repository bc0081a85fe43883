"""The last output of a backbone, as a map of features and as one vector an image.

Letters: B images, C channels, L tokens, H and W positions of the map, S a side of the image.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from mmdense.visual.drawn import NothingToDraw

__all__ = ["feature_map", "pooled_features"]


@torch.no_grad()
def feature_map(backbone: nn.Module, inputs: Tensor) -> Tensor:
    """The last map of a backbone; of a vision transformer, its patch tokens.

    A backbone of MMPretrain that is set to give one vector an image is asked for the map before.

    Args:
        backbone: In eval mode.
        inputs: Normalised. [B, 3, S, S]

    Returns:
        float32 [B, C, H, W]

    Raises:
        NothingToDraw: The backbone gives no map.
    """
    with _giving_maps(backbone):
        output = _last_output(backbone, inputs)
    if output.ndim != 4:
        raise NothingToDraw(
            f"{type(backbone).__name__} gives {tuple(output.shape)}, not a map [B, C, H, W]"
        )
    return output.float()  # [B, C, H, W]


@torch.no_grad()
def pooled_features(backbone: nn.Module, inputs: Tensor) -> Tensor:
    """One vector an image, as k-NN and the linear probe take it.

    Args:
        backbone: In eval mode.
        inputs: Normalised. [B, 3, S, S]

    Returns:
        A map is averaged over its positions, tokens over themselves. float32 [B, C]
    """
    output = _last_output(backbone, inputs).float()
    if output.ndim == 4:
        return output.mean(dim=(2, 3))  # [B, C]
    return output.mean(dim=1) if output.ndim == 3 else output.flatten(1)  # [B, C]


def _last_output(backbone: nn.Module, inputs: Tensor) -> Tensor:
    # The masked image models of MMPretrain show the whole image where no mask is given.
    whole = {"mask": None} if "mask" in inspect.signature(backbone.forward).parameters else {}
    output: Any = backbone(inputs, **whole)
    if isinstance(output, list | tuple):
        output = output[-1]
    while isinstance(output, list | tuple):  # a stage may give [map, class token]
        output = output[0]
    return output


@contextmanager
def _giving_maps(backbone: Any) -> Iterator[None]:
    """MMPretrain's switches for a map, on inside and as before outside."""
    wanted: dict[str, Any] = {}
    if "featmap" in getattr(backbone, "OUT_TYPES", ()):  # its transformers
        wanted["out_type"] = "featmap"
    if hasattr(backbone, "gap_before_final_norm"):  # ConvNeXt
        wanted["gap_before_final_norm"] = False
    before = {name: getattr(backbone, name) for name in wanted}
    try:
        vars(backbone).update(wanted)
        yield
    finally:
        vars(backbone).update(before)
