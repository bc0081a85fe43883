"""The last output of a backbone, as a feature map and as one vector for each image.

Letters: B images, C channels, L tokens, H and W positions of the map, S a side of the image.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from mmdense.visual.drawn import NothingToDraw


@torch.no_grad()
def feature_map(backbone: nn.Module, inputs: Tensor) -> Tensor:
    """Return the last feature map of a backbone; for a vision transformer, its patch tokens.

    If a backbone of MMPretrain is set to return one vector for each image, the map before pooling
    is returned.

    Args:
        backbone: In eval mode.
        inputs: Normalised images. [B, 3, S, S]

    Returns:
        float32 [B, C, H, W]

    Raises:
        NothingToDraw: The backbone returns no map.
    """
    with _giving_maps(backbone):
        output = _last_output(backbone, inputs)
    if output.ndim != 4:
        raise NothingToDraw(
            f"{type(backbone).__name__} returns {tuple(output.shape)}, not a map [B, C, H, W]"
        )
    return output.float()  # [B, C, H, W]


@torch.no_grad()
def pooled_features(backbone: nn.Module, inputs: Tensor) -> Tensor:
    """Return one vector for each image, as k-NN and the linear probe use it.

    Args:
        backbone: In eval mode.
        inputs: Normalised images. [B, 3, S, S]

    Returns:
        Mean over the positions of a map or over the tokens. float32 [B, C]
    """
    output = _last_output(backbone, inputs).float()
    if output.ndim == 4:
        return output.mean(dim=(2, 3))  # [B, C]
    return output.mean(dim=1) if output.ndim == 3 else output.flatten(1)  # [B, C]


def _last_output(backbone: nn.Module, inputs: Tensor) -> Tensor:
    # Masked image models of MMPretrain process the whole image if mask is None.
    whole = {"mask": None} if "mask" in inspect.signature(backbone.forward).parameters else {}
    output: Any = backbone(inputs, **whole)
    if isinstance(output, list | tuple):
        output = output[-1]
    while isinstance(output, list | tuple):  # a stage may give [map, class token]
        output = output[0]
    return output


@contextmanager
def _giving_maps(backbone: Any) -> Iterator[None]:
    """Let a backbone of MMPretrain return a map inside the context."""
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
